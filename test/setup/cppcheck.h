/*-------------------------------------------------------------------------
 *
 * cppcheck.h
 *		What cppcheck has to know of PostgreSQL's headers.
 *
 * It reads src/ without them: with them it takes most of its time for them,
 * and finds nothing more.  The clang tools read them.
 *
 * test/setup/cppcheck.h
 *
 *-------------------------------------------------------------------------
 */
#define PG_VERSION_NUM 150000
#define USE_LIBMICROHTTPD

#define PG_MODULE_MAGIC
#define PG_FUNCTION_INFO_V1(function)
#define PG_TRY() { {
#define PG_CATCH() } if (caught()) {
#define PG_FINALLY() } {
#define PG_END_TRY() } }
#define PG_RE_THROW() exit(1)

#define Assert(condition) do { if (!(condition)) exit(1); } while (0)
#define AssertMacro(condition) ((void) 0)
#define ereport(level, ...) do { if ((level) >= ERROR) exit(1); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) exit(1); } while (0)
#define ERROR 21

#define foreach(cell, list) for (cell = first(list); cell != NULL; cell = next(cell))
#define forboth(cell1, list1, cell2, list2) \
	for (cell1 = first(list1), cell2 = first(list2); \
		 cell1 != NULL && cell2 != NULL; cell1 = next(cell1), cell2 = next(cell2))
#define foreach_current_index(cell) position(cell)
#define Min(x, y) ((x) < (y) ? (x) : (y))
#define Max(x, y) ((x) > (y) ? (x) : (y))
#define FLEXIBLE_ARRAY_MEMBER
