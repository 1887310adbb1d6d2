/*-------------------------------------------------------------------------
 *
 * builtin.h
 *		The built-in types, known without a look into the catalogs: how their
 *		values are laid out, and their text.
 *
 * Left out are those whose text needs a catalog (ranges, aclitem, composite
 * types) or can't be relied on while an error is handled (money).
 *
 * src/query/builtin.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_BUILTIN_H
#define QW_BUILTIN_H

#include "fmgr.h"
#include "lib/stringinfo.h"

typedef struct BuiltinType
{
	Oid			type;
	Oid			array;			/* the type of its arrays */
	int16		length;			/* typlen, typbyval, typalign, typdelim */
	bool		byval;
	char		align;
	char		delimiter;
	PGFunction	output;			/* NULL: its bytes are its text */
} BuiltinType;

/* The built-in type, or the one that this is an array type of, or NULL */
extern const BuiltinType *builtin_type(Oid type);

/*
 * Appends the text of a value of a built-in type or an array of one, as its
 * output function writes it under DateStyle ISO, IntervalStyle postgres and
 * full precision, with objects as OIDs.  Of a text longer than max bytes (0:
 * no limit) only the beginning is worked out and *cut set; it ends at a
 * character boundary.
 *
 * Returns false, and appends nothing, if the type is none of these, the value
 * lies in a TOAST table, or its text would be unreasonably large to make.
 * Apart from memory running out, does not raise.
 */
extern bool builtin_append(StringInfo buf, Oid type, Datum value, int max,
						   bool *cut);

/*
 * While values are written, the settings that their text depends on are fixed:
 * between builtin_fix_settings() and builtin_restore_settings(), the latter in
 * PG_FINALLY.
 */
typedef struct TextSettings
{
	int			date_style;
	int			interval_style;
	int			extra_float_digits;
	int			bytea_output;
} TextSettings;

extern void builtin_fix_settings(TextSettings *saved);
extern void builtin_restore_settings(const TextSettings *saved);

#endif							/* QW_BUILTIN_H */
