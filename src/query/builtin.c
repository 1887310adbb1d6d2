/*-------------------------------------------------------------------------
 *
 * builtin.c
 *		The built-in types, known without a look into the catalogs: how their
 *		values are laid out, and their text.
 *
 * src/query/builtin.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/transam.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "query/builtin.h"

/*
 * Values larger than this get no text if all of it had to be made to have the
 * beginning; and where all of it is asked for, none above the second.
 */
#define MAX_SIZE_CUT		(1024 * 1024)
#define MAX_SIZE_WHOLE		(MaxAllocSize / 8)

#define BYVAL8	FLOAT8PASSBYVAL

static const BuiltinType builtin_types[] = {
	/* roughly by how common they are */
	{INT4OID, INT4ARRAYOID, 4, true, 'i', ',', int4out},
	{INT8OID, INT8ARRAYOID, 8, BYVAL8, 'd', ',', int8out},
	{TEXTOID, TEXTARRAYOID, -1, false, 'i', ',', NULL},
	{VARCHAROID, VARCHARARRAYOID, -1, false, 'i', ',', NULL},
	{UUIDOID, UUIDARRAYOID, 16, false, 'c', ',', uuid_out},
	{BOOLOID, BOOLARRAYOID, 1, true, 'c', ',', boolout},
	{TIMESTAMPTZOID, TIMESTAMPTZARRAYOID, 8, BYVAL8, 'd', ',', timestamptz_out},
	{TIMESTAMPOID, TIMESTAMPARRAYOID, 8, BYVAL8, 'd', ',', timestamp_out},
	{DATEOID, DATEARRAYOID, 4, true, 'i', ',', date_out},
	{NUMERICOID, NUMERICARRAYOID, -1, false, 'i', ',', numeric_out},
	{FLOAT8OID, FLOAT8ARRAYOID, 8, BYVAL8, 'd', ',', float8out},
	{FLOAT4OID, FLOAT4ARRAYOID, 4, true, 'i', ',', float4out},
	{INT2OID, INT2ARRAYOID, 2, true, 's', ',', int2out},
	{JSONBOID, JSONBARRAYOID, -1, false, 'i', ',', jsonb_out},
	{JSONOID, JSONARRAYOID, -1, false, 'i', ',', NULL},
	{BYTEAOID, BYTEAARRAYOID, -1, false, 'i', ',', byteaout},
	{BPCHAROID, BPCHARARRAYOID, -1, false, 'i', ',', NULL},
	{TIMEOID, TIMEARRAYOID, 8, BYVAL8, 'd', ',', time_out},
	{INTERVALOID, INTERVALARRAYOID, 16, false, 'd', ',', interval_out},
	{OIDOID, OIDARRAYOID, 4, true, 'i', ',', oidout},
	{NAMEOID, NAMEARRAYOID, NAMEDATALEN, false, 'c', ',', nameout},
	{CHAROID, CHARARRAYOID, 1, true, 'c', ',', charout},
	{UNKNOWNOID, InvalidOid, -2, false, 'c', ',', NULL},
	{XMLOID, XMLARRAYOID, -1, false, 'i', ',', NULL},
	{REFCURSOROID, REFCURSORARRAYOID, -1, false, 'i', ',', NULL},
	{TIMETZOID, TIMETZARRAYOID, 12, false, 'd', ',', timetz_out},
	{INETOID, INETARRAYOID, -1, false, 'i', ',', inet_out},
	{CIDROID, CIDRARRAYOID, -1, false, 'i', ',', cidr_out},
	{MACADDROID, MACADDRARRAYOID, 6, false, 'i', ',', macaddr_out},
	{MACADDR8OID, MACADDR8ARRAYOID, 8, false, 'i', ',', macaddr8_out},
	{BITOID, BITARRAYOID, -1, false, 'i', ',', bit_out},
	{VARBITOID, VARBITARRAYOID, -1, false, 'i', ',', varbit_out},
	{TSVECTOROID, TSVECTORARRAYOID, -1, false, 'i', ',', tsvectorout},
	{TSQUERYOID, TSQUERYARRAYOID, -1, false, 'i', ',', tsqueryout},
	{JSONPATHOID, JSONPATHARRAYOID, -1, false, 'i', ',', jsonpath_out},
	{POINTOID, POINTARRAYOID, 16, false, 'd', ',', point_out},
	{LSEGOID, LSEGARRAYOID, 32, false, 'd', ',', lseg_out},
	{PATHOID, PATHARRAYOID, -1, false, 'd', ',', path_out},
	{BOXOID, BOXARRAYOID, 32, false, 'd', ';', box_out},
	{POLYGONOID, POLYGONARRAYOID, -1, false, 'd', ',', poly_out},
	{LINEOID, LINEARRAYOID, 24, false, 'd', ',', line_out},
	{CIRCLEOID, CIRCLEARRAYOID, 24, false, 'd', ',', circle_out},
	{TIDOID, TIDARRAYOID, 6, false, 's', ',', tidout},
	{XIDOID, XIDARRAYOID, 4, true, 'i', ',', xidout},
	{XID8OID, XID8ARRAYOID, 8, BYVAL8, 'd', ',', xid8out},
	{CIDOID, CIDARRAYOID, 4, true, 'i', ',', cidout},
	{PG_LSNOID, PG_LSNARRAYOID, 8, BYVAL8, 'd', ',', pg_lsn_out},
	{TXID_SNAPSHOTOID, TXID_SNAPSHOTARRAYOID, -1, false, 'd', ',', pg_snapshot_out},
	{PG_SNAPSHOTOID, PG_SNAPSHOTARRAYOID, -1, false, 'd', ',', pg_snapshot_out},
	{INT2VECTOROID, INT2VECTORARRAYOID, -1, false, 'i', ',', int2vectorout},
	{OIDVECTOROID, OIDVECTORARRAYOID, -1, false, 'i', ',', oidvectorout},
	{REGPROCOID, REGPROCARRAYOID, 4, true, 'i', ',', oidout},
	{REGPROCEDUREOID, REGPROCEDUREARRAYOID, 4, true, 'i', ',', oidout},
	{REGOPEROID, REGOPERARRAYOID, 4, true, 'i', ',', oidout},
	{REGOPERATOROID, REGOPERATORARRAYOID, 4, true, 'i', ',', oidout},
	{REGCLASSOID, REGCLASSARRAYOID, 4, true, 'i', ',', oidout},
	{REGCOLLATIONOID, REGCOLLATIONARRAYOID, 4, true, 'i', ',', oidout},
	{REGTYPEOID, REGTYPEARRAYOID, 4, true, 'i', ',', oidout},
	{REGROLEOID, REGROLEARRAYOID, 4, true, 'i', ',', oidout},
	{REGNAMESPACEOID, REGNAMESPACEARRAYOID, 4, true, 'i', ',', oidout},
	{REGCONFIGOID, REGCONFIGARRAYOID, 4, true, 'i', ',', oidout},
	{REGDICTIONARYOID, REGDICTIONARYARRAYOID, 4, true, 'i', ',', oidout},
};

const BuiltinType *
builtin_type(Oid type)
{
	if (!OidIsValid(type) || type >= FirstNormalObjectId)
		return NULL;

	for (int i = 0; i < lengthof(builtin_types); i++)
	{
		if (builtin_types[i].type == type || builtin_types[i].array == type)
			return &builtin_types[i];
	}
	return NULL;
}

void
builtin_fix_settings(TextSettings *saved)
{
	saved->date_style = DateStyle;
	saved->interval_style = IntervalStyle;
	saved->extra_float_digits = extra_float_digits;
	saved->bytea_output = bytea_output;

	DateStyle = USE_ISO_DATES;
	IntervalStyle = INTSTYLE_POSTGRES;
	extra_float_digits = 1;
	bytea_output = BYTEA_OUTPUT_HEX;
}

void
builtin_restore_settings(const TextSettings *saved)
{
	DateStyle = saved->date_style;
	IntervalStyle = saved->interval_style;
	extra_float_digits = saved->extra_float_digits;
	bytea_output = saved->bytea_output;
}

/* Appends text, of which max bytes (0: all) are wanted */
static void
append_cut(StringInfo buf, const char *text, int length, int max, bool *cut)
{
	if (max > 0 && length > max)
	{
		length = pg_mbcliplen(text, length, max);
		*cut = true;
	}
	appendBinaryStringInfo(buf, text, length);
}

static void
append_bytea(StringInfo buf, const char *bytes, Size length, int max, bool *cut)
{
	if (max > 0 && length * 2 + 2 > (Size) max)
	{
		length = Max(max - 2, 0) / 2;
		*cut = true;
	}
	appendStringInfoString(buf, "\\x");
	enlargeStringInfo(buf, length * 2);
	hex_encode(bytes, length, buf->data + buf->len);
	buf->len += length * 2;
	buf->data[buf->len] = '\0';
}

/* Appends one value, not an array; the rest as builtin_append() */
static bool
append_scalar(StringInfo buf, const BuiltinType *type, Datum value, int max,
			  bool *cut)
{
	char	   *text;

	if (type->length == -1)
	{
		struct varlena *varlena = (struct varlena *) DatumGetPointer(value);
		bool		sliced = type->output == NULL || type->output == byteaout;
		Size		size;

		if (VARATT_IS_EXTERNAL(varlena))
			return false;
		size = toast_raw_datum_size(value);
		if (size > MAX_SIZE_WHOLE ||
			(max > 0 && size > MAX_SIZE_CUT &&
			 (!sliced || VARATT_IS_COMPRESSED(varlena))))
			return false;

		if (sliced)
		{
			varlena = pg_detoast_datum_packed(varlena);
			if (type->output == byteaout)
				append_bytea(buf, VARDATA_ANY(varlena),
							 VARSIZE_ANY_EXHDR(varlena), max, cut);
			else
				append_cut(buf, VARDATA_ANY(varlena),
						   VARSIZE_ANY_EXHDR(varlena), max, cut);
			return true;
		}
	}
	else if (type->length == -2)
	{
		append_cut(buf, DatumGetCString(value), strlen(DatumGetCString(value)),
				   max, cut);
		return true;
	}

	/* a byte that is no character has no text that may be passed on */
	if (type->type == CHAROID && IS_HIGHBIT_SET(DatumGetChar(value)))
		return false;

	text = DatumGetCString(DirectFunctionCall1(type->output, value));
	append_cut(buf, text, strlen(text), max, cut);
	pfree(text);
	return true;
}

/* Does this text of an element have to be quoted within an array's? */
static bool
element_needs_quotes(const char *text, char delimiter)
{
	if (text[0] == '\0' || pg_strcasecmp(text, "NULL") == 0)
		return true;
	for (; *text != '\0'; text++)
	{
		if (*text == delimiter || *text == '"' || *text == '\\' ||
			*text == '{' || *text == '}' || *text == ' ' ||
			(*text >= '\t' && *text <= '\r'))
			return true;
	}
	return false;
}

/* Quotes what was appended to buf from start on, an element's text */
static void
quote_element(StringInfo buf, int start)
{
	char	   *text = pnstrdup(buf->data + start, buf->len - start);

	buf->len = start;
	appendStringInfoChar(buf, '"');
	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == '"' || *p == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *p);
	}
	appendStringInfoChar(buf, '"');
	pfree(text);
}

/* Appends an array; the rest as builtin_append() */
static bool
append_array(StringInfo buf, const BuiltinType *type, Datum value, int max,
			 bool *cut)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(value);
	int			start = buf->len;
	ArrayType  *array;
	const char *p;
	const uint8 *nulls;
	int			ndim;
	int		   *dims;
	int		   *lower;
	int			nitems;
	int			strides[MAXDIM];	/* elements in a sub-array, from the
									 * outermost dimension in */
	bool		decorated = false;

	/* one in a TOAST table can't be had here; one in memory can */
	if (VARATT_IS_EXTERNAL(stored) && !VARATT_IS_EXTERNAL_EXPANDED(stored))
		return false;
	if (toast_raw_datum_size(value) > (max > 0 ? 16 * MAX_SIZE_CUT : MAX_SIZE_WHOLE))
		return false;

	array = DatumGetArrayTypeP(value);
	if (ARR_ELEMTYPE(array) != type->type)
		return false;
	ndim = ARR_NDIM(array);
	dims = ARR_DIMS(array);
	lower = ARR_LBOUND(array);
	nitems = ArrayGetNItems(ndim, dims);
	if (nitems == 0)
	{
		appendStringInfoString(buf, "{}");
		return true;
	}

	strides[ndim - 1] = dims[ndim - 1];
	for (int d = ndim - 2; d >= 0; d--)
		strides[d] = strides[d + 1] * dims[d];

	for (int d = 0; d < ndim; d++)
		decorated |= (lower[d] != 1);
	if (decorated)
	{
		for (int d = 0; d < ndim; d++)
			appendStringInfo(buf, "[%d:%d]", lower[d], lower[d] + dims[d] - 1);
		appendStringInfoChar(buf, '=');
	}

	p = ARR_DATA_PTR(array);
	nulls = ARR_NULLBITMAP(array);
	for (int i = 0; i < nitems; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, type->delimiter);
		for (int d = 0; d < ndim; d++)
		{
			if (i % strides[d] == 0)
				appendStringInfoChar(buf, '{');
		}

		if (nulls != NULL && (nulls[i / 8] & (1 << (i % 8))) == 0)
			appendStringInfoString(buf, "NULL");
		else
		{
			int			element = buf->len;

			if (!append_scalar(buf, type,
							   fetch_att(p, type->byval, type->length),
							   max, cut))
			{
				buf->len = start;
				buf->data[buf->len] = '\0';
				return false;
			}
			if (element_needs_quotes(buf->data + element, type->delimiter))
				quote_element(buf, element);

			p = att_addlength_pointer(p, type->length, p);
			p = (const char *) att_align_nominal(p, type->align);
		}

		for (int d = 0; d < ndim; d++)
		{
			if ((i + 1) % strides[d] == 0)
				appendStringInfoChar(buf, '}');
		}

		/* the caller will leave off what is too much */
		if (max > 0 && buf->len - start > max)
		{
			*cut = true;
			break;
		}
	}

	if (*cut && buf->len - start > max)
	{
		buf->len = start + pg_mbcliplen(buf->data + start, buf->len - start, max);
		buf->data[buf->len] = '\0';
	}
	return true;
}

/*
 * The rest of builtin_append().  (A function of its own: gcc warns of what
 * setjmp might do to the loop of builtin_type() where it inlines that.)
 */
static bool
append_by_settings(StringInfo buf, const BuiltinType *builtin, bool is_array,
				   Datum value, int max, bool *cut)
{
	TextSettings settings;
	volatile bool done = false;

	builtin_fix_settings(&settings);
	PG_TRY();
	{
		done = is_array ?
			append_array(buf, builtin, value, max, cut) :
			append_scalar(buf, builtin, value, max, cut);
	}
	PG_FINALLY();
	{
		builtin_restore_settings(&settings);
	}
	PG_END_TRY();
	return done;
}

bool
builtin_append(StringInfo buf, Oid type, Datum value, int max, bool *cut)
{
	const BuiltinType *builtin = builtin_type(type);

	*cut = false;
	if (builtin == NULL)
		return false;
	return append_by_settings(buf, builtin, builtin->type != type, value, max,
							  cut);
}
