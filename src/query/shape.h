/*-------------------------------------------------------------------------
 *
 * shape.h
 *		What a statement is: its command, tables and conditions.
 *
 * Worked out from the analysed Query once for each new statement and kept in
 * its entry of the statement table.  A plain value without pointers, so that
 * it can lie in shared memory, be copied and be compared.  The repeat
 * detector and the findings read it; nothing is worked out again for an
 * execution.
 *
 * src/query/shape.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SHAPE_H
#define QW_SHAPE_H

#include "access/attnum.h"

/* More relations or conditions than these are left out, and a flag says so */
#define SHAPE_MAX_RELATIONS		8
#define SHAPE_MAX_CONDITIONS	6

typedef enum ShapeCommand
{
	SHAPE_OTHER,				/* no shape known yet: not to be judged */
	SHAPE_SELECT,
	SHAPE_INSERT,
	SHAPE_UPDATE,
	SHAPE_DELETE,
	SHAPE_MERGE,
	SHAPE_UTILITY
} ShapeCommand;

/* Bits of StatementShape.flags */
#define SHAPE_HAS_CONDITION		0x0001	/* any WHERE or JOIN ... ON condition
										 * with a parameter or a constant */
#define SHAPE_SINGLE_ROW_VALUES	0x0002	/* INSERT of one row of VALUES */
#define SHAPE_HAS_LIMIT			0x0004
#define SHAPE_HAS_OFFSET		0x0008	/* offset_value says where it is */
#define SHAPE_AGGREGATE_ONLY	0x0010	/* answers with one count, EXISTS or
										 * the like: no column of a table, no
										 * GROUP BY */
#define SHAPE_LIST_CONDITION	0x0020	/* IN or = ANY over two or more
										 * elements written out in the text */
#define SHAPE_ROW_LOCKS			0x0040	/* FOR UPDATE and friends */
#define SHAPE_SKIP_LOCKED		0x0080	/* ... SKIP LOCKED: a work queue */
#define SHAPE_CATALOG_ONLY		0x0100	/* reads system catalogs only */
#define SHAPE_RANGE_CONDITION	0x0200	/* <, >, BETWEEN, row comparison with
										 * a parameter or constant */
#define SHAPE_ORDERED			0x0400	/* ORDER BY */
#define SHAPE_WRITES			0x0800	/* changes data, in a CTE too */
#define SHAPE_IGNORED			0x1000	/* carries querywatch='ignore' */
#define SHAPE_INCOMPLETE		0x2000	/* more relations or conditions than
										 * fit */
#define SHAPE_WRITES_OTHERS		0x4000	/* writes a view, a foreign table or
										 * one with rules: other tables than
										 * it names */

/* Where a value that varies between executions comes from */
typedef enum ShapeValueSource
{
	SHAPE_VALUE_NONE,
	SHAPE_VALUE_PARAM,			/* bind parameter: number is its $n, from 1 */
	SHAPE_VALUE_LITERAL			/* constant in the text: number counts the
								 * constants that jumbling lists, in order of
								 * their place in the text, from 0 */
} ShapeValueSource;

typedef struct ShapeValue
{
	uint8		source;			/* ShapeValueSource */
	uint8		list;			/* 1: = ANY(value), an array; how many
								 * elements it has is known when it runs */
	int16		number;
} ShapeValue;

/* As what the two are compared: how the value's text is to be read */
typedef enum ShapeValueClass
{
	SHAPE_CLASS_UNKNOWN,		/* as a text */
	SHAPE_CLASS_TEXT,
	SHAPE_CLASS_NUMBER,
	SHAPE_CLASS_UUID,
	SHAPE_CLASS_BLANK_PADDED,	/* character(n) */
	SHAPE_CLASS_DATE,
	SHAPE_CLASS_TIMESTAMP,
	SHAPE_CLASS_TIMESTAMPTZ,
	SHAPE_CLASS_BYTES,
	SHAPE_CLASS_OTHER			/* its text does not tell what equals it */
} ShapeValueClass;

/* A column compared for equality with a parameter or constant, AND-ed */
typedef struct ShapeCondition
{
	Oid			relid;			/* table of the column */
	AttrNumber	attnum;			/* 0 if it is an expression over columns */
	ShapeValue	value;
	uint16		value_class;	/* ShapeValueClass; no padding is left: shapes
								 * are compared byte by byte */
} ShapeCondition;

typedef struct StatementShape
{
	uint8		command;		/* ShapeCommand */
	uint8		nrelations;		/* tables and views read or written, each
								 * once, no catalogs */
	uint8		nconditions;
	uint8		unused;			/* 0 */
	uint16		flags;			/* SHAPE_... */
	uint16		noutput;		/* columns returned; of a utility statement
								 * its CommandTag */
	Oid			target;			/* table written; for a SELECT the first of
								 * FROM that is in the output, or 0 */
	ShapeValue	offset_value;
	Oid			relations[SHAPE_MAX_RELATIONS];

	/*
	 * Columns of each relation that are surely not in the output, in no
	 * expression of it either: SHAPE_COLUMN_BIT() is set where no column of
	 * that bit is there.  0: not known.
	 */
	uint32		not_returned[SHAPE_MAX_RELATIONS];
	ShapeCondition conditions[SHAPE_MAX_CONDITIONS];
} StatementShape;

/* The bit of a column in not_returned; tables of more columns share them */
#define SHAPE_COLUMN_BIT(attnum)	((uint32) 1 << ((uint16) (attnum) % 32))

struct Query;
struct JumbleState;
struct StringInfoData;

/*
 * Works out the shape of an analysed query (not a utility statement).  May
 * look up operators and names in syscaches, and allocate in the current
 * context.  Appends the tables' names to "tables", each ended by a NUL and
 * the last by two.
 */
extern void shape_of_query(struct Query *query,
						   const struct JumbleState *jstate,
						   StatementShape *shape,
						   struct StringInfoData *tables);

/*
 * Are the tables of the query's FROM those of the shape?  If not, another
 * table of that name has come since, or another search_path.
 */
extern bool shape_has_relations(const StatementShape *shape,
								const struct Query *query);

/*
 * The table column that a Var of the query stands for, through joins and
 * subqueries.  False if it is none, as for a function's result.
 */
struct Var;
extern bool shape_resolve_var(struct Query *query, struct Var *var,
							  Oid *relid, AttrNumber *attnum);

/*
 * The first Var of the query's own level in an expression, outside of
 * subqueries; false if there is none
 */
struct Node;
extern bool shape_find_var(struct Node *node, struct Var **found);

/*
 * The shape of a planned statement whose parse is not seen now: "known", which
 * may be not known, if it fits the plan, otherwise no more than its command and
 * its relations.
 */
struct PlannedStmt;
extern void shape_of_plan(const struct PlannedStmt *plan,
						  const StatementShape *known, StatementShape *shape,
						  struct StringInfoData *tables);

#endif							/* QW_SHAPE_H */
