/*-------------------------------------------------------------------------
 *
 * relate.h
 *		Which columns lead from a parent statement to a repeated one.
 *
 * Pure: works on shapes and on what WindowSchema tells.  A Relater lives on
 * the stack for the length of one question and remembers what the schema
 * said, so that the number of times it is asked is bounded however many
 * candidates there are.
 *
 * src/detector/relate.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_RELATE_H
#define QW_RELATE_H

#include "detector/window.h"

/* Tables whose keys, and columns whose uniqueness, are asked for; no more */
#define RELATE_MAX_TABLES	10
#define RELATE_MAX_COLUMNS	16

/* Foreign keys of one table that are looked at; no more */
#define RELATE_MAX_KEYS		24

typedef struct RelaterTable
{
	Oid			relid;
	int			nkeys;
	WindowForeignKey keys[RELATE_MAX_KEYS];
} RelaterTable;

typedef struct RelaterColumn
{
	Oid			relid;
	AttrNumber	attnum;
	bool		unique;
} RelaterColumn;

typedef struct Relater
{
	const WindowSchema *schema; /* NULL: nothing is known */
	int			ntables;
	int			ncolumns;
	RelaterTable tables[RELATE_MAX_TABLES];
	RelaterColumn columns[RELATE_MAX_COLUMNS];
} Relater;

/* How good the evidence of a link is, worst first */
typedef enum LinkGrade
{
	LINK_NONE,
	LINK_POSSIBLE,				/* several columns of the parent's rows may
								 * lead there, or one without a key */
	LINK_KEY					/* a foreign key, or a column left out when
								 * the parent read the row */
} LinkGrade;

/* What is known of a column of the child, and one of the parent's rows */
typedef enum ColumnAgreement
{
	COLUMNS_CONTRADICT = -2,	/* their keys lead elsewhere */
	COLUMNS_DIFFER,				/* ... or their names */
	COLUMNS_UNKNOWN,
	COLUMNS_AGREE,				/* their names do */
	COLUMNS_LINKED				/* it is the same column, or a key leads from
								 * one to the other */
} ColumnAgreement;

/* The columns that lead from the parent to the child */
typedef struct StatementLink
{
	LinkGrade	grade;
	bool		left_out;		/* the parent does not return the column that
								 * a key leads through */
	RepeatRelationship relationship;
	Oid			constraint;		/* 0: no foreign key */
	Oid			key_relid;		/* the child's */
	AttrNumber	key_attnum;
	Oid			parent_relid;
	AttrNumber	parent_attnum;
} StatementLink;

/*
 * What stands for a statement as a parent: its queryid, but of one with a list
 * of constants its shape, whatever the length of the list
 */
extern uint64 relate_parent_id(uint64 queryid, const StatementShape *shape);

extern void relate_init(Relater *relater, const WindowSchema *schema);

/*
 * Fills *link with the best link between the two, by a condition of the child
 * whose bit in "varying" is set; grade LINK_NONE if there is none.
 */
extern void relate_statements(Relater *relater, const StatementShape *child,
							  uint32 varying, const StatementShape *parent,
							  StatementLink *link);

/*
 * What a column of the child is to one of the parent that had its values,
 * without a foreign key between them.  *unlikely: both are keys of their own
 * tables, or one references another table than the other's; then the same
 * small integers in both mean little.
 */
extern RepeatRelationship relate_values(Relater *relater,
										Oid relid, AttrNumber attnum,
										Oid parent_relid,
										AttrNumber parent_attnum,
										bool *unlikely);

/*
 * What a condition of the child has to do with a column that the parent
 * returned; fills in how they are related.
 */
extern ColumnAgreement relate_agreement(Relater *relater,
										const StatementShape *child,
										int condition,
										const StatementShape *parent,
										Oid parent_relid,
										AttrNumber parent_attnum,
										StatementLink *link);

/*
 * Does "child" return a column of the table that "parent", which read it too,
 * left out?  False if that is not sure.
 */
extern bool relate_left_out(const StatementShape *parent,
							const StatementShape *child, Oid relid);

/* Is the column, alone, unique? */
extern bool relate_is_unique(Relater *relater, Oid relid, AttrNumber attnum);

/*
 * Does a condition whose value does not vary pin down the row?  Then it is the
 * same row each time, whatever the other conditions say.
 */
extern bool relate_same_row(Relater *relater, const StatementShape *shape,
							uint32 varying);

/*
 * Does a SELECT ask, with one value after another, for a row of which there is
 * one or none: are all columns of a unique key compared, and one or more of
 * them, unique too or foreign keys, with the same value each time?  (Has this
 * user that role?)
 */
extern bool relate_is_membership(Relater *relater, const StatementShape *shape,
								 uint32 varying);

#endif							/* QW_RELATE_H */
