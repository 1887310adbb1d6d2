/*-------------------------------------------------------------------------
 *
 * advice.h
 *		What on_repeat says to people.
 *
 * src/advice.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_ADVICE_H
#define QW_ADVICE_H

#include "execution.h"
#include "patterns.h"
#include "settings.h"

/* Names of kinds and so on, as SQL shows them */
extern const char *repeat_kind_name(RepeatKind kind);
extern const char *repeat_confidence_name(RepeatConfidence confidence);
extern const char *repeat_relationship_name(RepeatRelationship relationship);	/* NULL for none */

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
