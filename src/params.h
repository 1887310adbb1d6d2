/*-------------------------------------------------------------------------
 *
 * params.h
 *		Values of a statement: hashes of them, their texts, and the statement
 *		with its values written in.
 *
 * Hashing and params_value_builtin() look up no catalog, allocate nothing
 * beyond what is said, and do not raise: they are called in the recording
 * path, the latter also while an error is being handled.
 *
 * src/params.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PARAMS_H
#define QW_PARAMS_H

#include "lib/stringinfo.h"
#include "nodes/params.h"
#include "shape.h"
#include "window.h"

/*
 * Constants of the statement being parsed: where they are in the source text.
 * Filled at parse time by normalize.c, only for statements that the window
 * asks the values of.
 */
#define PARAMS_MAX_LITERALS		64

typedef struct LiteralSpan
{
	int			offset;			/* in bytes from the start of the text */
	int			length;
} LiteralSpan;

typedef struct StatementLiterals
{
	const char *text;			/* the text they point into, ... */
	int			text_length;	/* ... its length and ... */
	uint64		text_hash;		/* ... hash, to know it again elsewhere */
	int			nliterals;		/* stored; those past the maximum are only in
								 * the hash of all */
	uint64		hash_all;		/* over every constant, also past the maximum */
	LiteralSpan literals[PARAMS_MAX_LITERALS];
} StatementLiterals;

/*
 * Hashes the values of one execution: bind parameters, and the constants
 * where there are any ("literals" may be NULL).  Parameters that a hook would
 * have to fetch (paramFetch) are left out.  Never detoasts, never allocates.
 */
extern void params_hash(ParamListInfo params,
						const StatementLiterals *literals,
						const StatementShape *shape,
						WindowValues *values);

/*
 * Appends the text of a value of a built-in type to buf, in a form that does
 * not depend on DateStyle, IntervalStyle, extra_float_digits or search_path
 * and that the type's input function reads back to the same value: numbers
 * with full precision, dates in ISO form, reg* types as OIDs; arrays of such
 * types too.  Returns false, and appends nothing, for a type that it does not
 * know without looking into a catalog.  Leaves the settings as they were.
 */
extern bool params_value_builtin(StringInfo buf, Oid type, Datum value);

/*
 * The same for any type: falls back to the type's output function, inside a
 * subtransaction where that function is not built in, so that its error does
 * no harm.  For a moment when catalogs may be read.  Returns false if the
 * value has no text.
 */
extern bool params_value_text(StringInfo buf, Oid type, Datum value);

/*
 * The same, cut: of a text longer than max bytes (0: no limit) only the
 * beginning is worked out, up to a character boundary of the server encoding,
 * and *complete cleared.  With "in_error", as params_value_builtin(), for use
 * while an error is handled.
 */
extern bool params_value_cut(StringInfo buf, Oid type, Datum value, int max,
							 bool in_error, bool *complete);

/*
 * The text of one literal of the statement, unquoted where it is a string:
 * appended to buf, at most max bytes (0: no limit), cut at a character
 * boundary of the server encoding.
 */
extern void params_literal_text(StringInfo buf, const char *text,
								const LiteralSpan *span, int max);

/*
 * A bind value as kept by the slow log: text and type
 */
typedef struct RecordedValue
{
	Oid			type;
	bool		isnull;
	bool		complete;		/* false: cut, or it had no text */
	const char *text;			/* NUL-terminated; NULL if null or without
								 * text */
} RecordedValue;

/*
 * The statement with its bind values in place of $1, $2 ... as literals that
 * are quoted and cast to their type: palloc'd, or NULL if that cannot be done
 * faithfully (a value is not complete, a $n has no value, there are values but
 * no $n).  That the text is not cut is for the caller to know.  Of a PREPARE,
 * only the statement prepared is given.  Looks up type names in the catalog of
 * the current database.
 */
extern char *params_runnable_sql(const char *query, int nvalues,
								 const RecordedValue *values);

#endif							/* QW_PARAMS_H */
