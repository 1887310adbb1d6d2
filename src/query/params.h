/*-------------------------------------------------------------------------
 *
 * params.h
 *		Values of a statement: hashes of them and their texts.
 *
 * Hashing and params_value_cut() "in_error" do not raise and allocate nothing
 * beyond what is said: they are called in the recording path, the latter also
 * while an error is being handled, where it reads no catalog.  Hashing looks up
 * the width of a type that is not built in, in the syscache.
 *
 * src/query/params.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PARAMS_H
#define QW_PARAMS_H

#include "lib/stringinfo.h"
#include "catalog/pg_type_d.h"
#include "nodes/params.h"
#include "detector/keyhash.h"
#include "detector/keyset.h"
#include "detector/window.h"
#include "query/shape.h"

/*
 * Constants of the statement being parsed: where they are in the source text.
 * Filled at parse time by normalize.c, only for statements that the window
 * asks the values of.
 */
#define PARAMS_MAX_LITERALS		64

/* Longest statement that is kept to be compared with, without a NUL */
#define PARAMS_SHORT_TEXT		512

typedef struct LiteralSpan
{
	int			offset;			/* in bytes from the start of the text */
	int			length;
} LiteralSpan;

typedef struct StatementLiterals
{
	const char *text;			/* the text they point into, and, to know the
								 * statement again in another copy, ... */
	int			location;		/* ... its place in it, ... */
	int			text_length;	/* ... its length and ... */
	uint64		text_hash;		/* ... hash, or, if it is short, ... */
	char		text_copy[PARAMS_SHORT_TEXT];	/* ... itself without the NUL */
	int			nliterals;		/* stored; those past the maximum are only in
								 * the hash of all */
	uint64		hash_all;		/* over every constant, also past the maximum */
	LiteralSpan literals[PARAMS_MAX_LITERALS];
} StatementLiterals;

/*
 * Hashes the values of one execution: bind parameters, and the constants
 * where there are any ("literals" may be NULL).  Parameters that a hook would
 * have to fetch (paramFetch) are left out.  Never detoasts.
 */
extern void params_hash(ParamListInfo params,
						const StatementLiterals *literals,
						const StatementShape *shape,
						WindowValues *values);

/* Hash of one value that is no int4 or int8 */
extern uint64 params_hash_other(Oid type, Datum value, bool isnull);

static inline uint64
params_hash_value(Oid type, Datum value, bool isnull)
{
	if (unlikely(isnull))
		return params_hash_other(type, value, true);
	if (type == INT4OID)
		return keyhash_number((uint64) (int64) DatumGetInt32(value));
	if (type == INT8OID)
		return keyhash_number((uint64) DatumGetInt64(value));
	return params_hash_other(type, value, false);
}

/* Such a one is hashed with no call */
static inline bool
params_is_integer(const ParamExternData *param)
{
	return !param->isnull &&
		(param->ptype == INT4OID || param->ptype == INT8OID);
}

static inline uint64
params_hash_integer(const ParamExternData *param)
{
	int64		number = param->ptype == INT4OID ?
	DatumGetInt32(param->value) : DatumGetInt64(param->value);

	return keyhash_number((uint64) number);
}

/*
 * Hash of a text that is compared as a value of this class; *opaque is set if it
 * does not tell what equals the value
 */
extern uint64 params_hash_text(Oid type, Datum value,
							   ShapeValueClass value_class, bool *opaque);

/* Hash of one value that is compared as one of this class */
static inline uint64
params_hash_as(ShapeValueClass value_class, Oid type, Datum value, bool isnull,
			   bool *opaque)
{
	if ((type == TEXTOID || type == VARCHAROID || type == BPCHAROID) && !isnull)
		return params_hash_text(type, value, value_class, opaque);
	return params_hash_value(type, value, isnull);
}

/*
 * The only parameter, NULL if there are more or none, or it has to be fetched
 * from elsewhere
 */
static inline const ParamExternData *
params_only(ParamListInfo params)
{
	if (params == NULL || params->numParams != 1 || params->paramFetch != NULL)
		return NULL;
	return &params->params[0];
}

/* Longest string that is taken for a key, bytes */
#define PARAMS_KEY_LENGTH		128

/* 8-4-4-4-12 hexadecimal digits */
#define UUID_TEXT_LENGTH		36

/* Is a string of this length hashed as it is, if it is no number? */
static inline bool
params_is_plain_text(Size length)
{
	return length <= PARAMS_KEY_LENGTH && length != UUID_TEXT_LENGTH;
}

/* Can a column of this type hold keys?  Domains are to be looked through. */
extern bool params_key_type(Oid type);

/*
 * The hash that params_hash() has for a condition with this value, which is
 * not null and of a type that params_key_type() names; 0 if it is too long to
 * be a key.  *magnitude is an integer's without its sign, KEY_NO_NUMBER for
 * anything else, 0 where there is no hash.
 */
extern uint64 params_hash_key(Oid type, Datum value, uint64 *magnitude);

/*
 * Appends the text of a value to buf, in a form that does not depend on
 * DateStyle, IntervalStyle, extra_float_digits or search_path and that the
 * type's input function reads back to the same value: numbers with full
 * precision, dates in ISO form, reg* types as OIDs.  Leaves the settings as
 * they were.  Of a text longer than max bytes (0: no limit) only the beginning
 * is worked out, up to a character boundary of the server encoding, and
 * *complete cleared.
 *
 * Other than built-in types and arrays of them go through the type's output
 * function, inside a subtransaction so that its error does no harm; not with
 * "in_error", for use while an error is handled or where no catalog may be
 * read.  Returns false, and appends nothing, if the value has no text.
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

#endif							/* QW_PARAMS_H */
