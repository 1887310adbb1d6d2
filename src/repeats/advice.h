/*-------------------------------------------------------------------------
 *
 * advice.h
 *		What on_repeat says to people, and words that findings share with it.
 *
 * src/repeats/advice.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_ADVICE_H
#define QW_ADVICE_H

#include "common/execution.h"
#include "common/settings.h"
#include "repeats/patterns.h"

/* Names of kinds and so on, as SQL shows them */
extern const char *repeat_kind_name(RepeatKind kind);
extern const char *repeat_confidence_name(RepeatConfidence confidence);
extern const char *repeat_relationship_name(RepeatRelationship relationship);	/* NULL for none */

/* The table that a statement is mainly about, or InvalidOid */
extern Oid	main_table(const StatementShape *shape);

/* Does it count rows?  Where it asks for a row that may be there it does not. */
static inline bool
advice_counts(RepeatRelationship relationship, const StatementShape *shape)
{
	return relationship == RELATIONSHIP_COUNT_OR_EXISTS &&
		(shape->command != SHAPE_SELECT ||
		 (shape->flags & SHAPE_AGGREGATE_ONLY) != 0);
}

/*
 * The loaders that cure an N+1, what writes many rows at once, and what reads
 * them in another way: of the ORM that the framework's name (a tag's value)
 * tells, or the statement's text, which may be NULL; "" if neither does.
 * " SQLAlchemy: selectinload.", " (SQLAlchemy: yield_per)"
 */
typedef enum FetchAdvice
{
	FETCH_IN_PARTS,
	FETCH_FEWER_COLUMNS,
	FETCH_PLAIN_ROWS
}			FetchAdvice;

extern char *advice_loaders(RepeatRelationship relationship,
							const StatementShape *shape,
							const char *framework, const char *text);
extern char *advice_writers(RepeatKind kind, const char *framework,
							const char *text);
extern char *advice_readers(FetchAdvice what, const char *text);

/*
 * Reports a burst at the level that is asked for; ON_REPEAT_ERROR raises, with
 * SQLSTATE QW001 n_plus_one, QW002 repeated_lookup, QW003 duplicate_query,
 * QW004 row-by-row writes, QW005 deep_offset.
 */
extern void advice_report(OnRepeat level, const StatementKey *key,
						  const BurstFacts *facts,
						  const RepeatVerdict *verdict,
						  const PatternStrings *strings);

#endif							/* QW_ADVICE_H */
