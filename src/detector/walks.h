/*-------------------------------------------------------------------------
 *
 * walks.h
 *		Walks of a statement's values over the rows of another, and the units
 *		of work that they prove.
 *
 * Nothing on the wire says where a piece of work begins.  Values do: where
 * those that a statement asks for walk over the rows of another statement's
 * last execution in a way that requests would take once in a hundred thousand
 * times, all from that execution to the last step of the walk is one unit of
 * work.  Within it every statement's executions belong together, as they do
 * in a transaction.
 *
 * Part of a Window, and as pure: for window_internal.h alone.  Memory is taken
 * from the window's budget when it is needed, and stays where it is.
 *
 * src/detector/walks.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WALKS_H
#define QW_WALKS_H

#include "detector/relate.h"
#include "detector/window.h"

/* Executions remembered of each statement */
#define WALK_RING			64

/* Statements whose last rows are kept */
#define WALK_ROWS			16

/* Columns whose rows the values of one statement are followed over */
#define WALK_LINKS			3

/* ... at first; room doubles when it is full */
#define WALK_RING_BEGIN		8

/*
 * An execution in a ring: place, loose place, start, all values, then those of
 * as many conditions as the statement has
 */
#define WALK_RECORD			4

/*
 * The values of one condition, followed over one column of the rows of
 * another statement.  Places count executions; loose ones those that were no
 * step of any walk, so that what is nested makes nothing seem far.  Ranks
 * count the different values of the column, in the order of the rows.
 */
typedef struct Walk
{
	uint64		serial;			/* of the rows; 0: there is no walk */
	uint8		rows;			/* in Window.walk_rows */
	uint8		column;			/* of them */
	uint8		condition;		/* of the statement */
	int8		agreement;		/* see ColumnAgreement */
	bool		over;
	bool		own_row;		/* reads by its key a row that was returned */
	bool		dense;			/* the column has small integers */
	bool		noted;			/* is in the history */
	bool		vetoed;			/* something came once for each step */
	bool		decided;		/* was decisive, once */
	uint8		proof;			/* WalkProof at the last look */
	uint16		offered;		/* different values of the column */
	uint16		compared;
	uint16		matched;
	uint16		missed;
	uint16		missed_in_row;
	uint16		again;			/* steps to where it had been */
	uint16		up;
	uint16		down;
	uint16		distinct;
	uint16		next_weighed;	/* distinct values when it is weighed again */
	uint16		next_veto;		/* distinct values when it is looked at again
								 * what came once for each step */
	int16		last;			/* ranks */
	int16		lowest;
	int16		highest;
	float		before;			/* surprise of earlier walks like this */
	uint64		last_value;
	uint64		seen[KEYSET_MAX_ROWS / 64]; /* bit for each rank */
	uint64		first_place;
	uint64		last_place;
	uint64		first_loose;
	uint64		last_loose;
	uint64		widest;			/* most loose executions between two steps */
	uint64		longest;		/* most executions from one to the next */
	StatementLink link;			/* how the columns are related */
} Walk;

typedef enum WalkProof
{
	WALK_NO_PROOF,
	WALK_EACH_ONCE,				/* (almost) each value, and none twice */
	WALK_ORDERED				/* in the order of the rows */
} WalkProof;

/* What a condition has to do with a column, as the schema said last */
typedef struct KnownColumns
{
	uint64		key;			/* hash of the two; 0: nothing is known */
	int8		agreement;
	bool		unique;
	StatementLink link;
} KnownColumns;

#define WALK_KNOWN			32

/* Rows of a statement's last execution */
typedef struct WalkRows
{
	uint64		serial;			/* another one for each epoch; 0: none */
	uint64		queryid;
	uint8		owner;			/* in Window.statements */
	bool		asked;			/* something walks over them */
	uint16		echo;			/* bit for each column that holds what the
								 * statement was asked for */
	uint64		first_place;	/* executions that returned them */
	uint64		last_place;
	uint64		first_loose;
	uint64		last_loose;		/* ... or that walked over them */
	uint64		used;			/* place when they were last of use */
	uint64		transaction;
	bool		in_block;
	uint64		executions;
	uint64		returned;		/* rows, kept or not */
	StatementShape shape;
	KeySet	   *rows;			/* one of WalkedRows.keysets */
} WalkRows;

/* What values are followed over */
typedef struct WalkedRows
{
	WalkRows	rows[WALK_ROWS];
	KeySet		keysets[WALK_ROWS];
	KnownColumns known[WALK_KNOWN];
} WalkedRows;

/* Whose rows a walk went over, when they may be gone */
typedef struct WalkParent
{
	uint64		queryid;
	uint64		executions;
	uint64		returned;
	StatementShape shape;
} WalkParent;

/* The best walk of a statement in a unit, and whose rows it went over */
typedef struct UnitWalk
{
	Walk		walk;
	WalkParent	parent;
} UnitWalk;

/* What is remembered of a statement from window to window */
typedef struct WalkStatement
{
	uint64		recorded;		/* executions put into the ring, in all */
	uint64		overwritten;	/* of them, by what failed: these and those
								 * before are gone */
	uint64		next_look;		/* "recorded" when walks are looked for */
	uint64		unit;			/* the unit that the next two are of */
	uint64		before_unit;	/* "recorded" before it */
	uint64		told_from;		/* records that a burst has told of */
	uint64		told_to;
	uint64		deferred_from;	/* those of a window's burst that is kept
								 * open, for what the walk will show */
	uint64		deferred_to;
	int			deferred;		/* its handle plus one; 0: there is none */
	uint64		published;		/* executions that readers were told of; 0: it
								 * is not among the unit's bursts */
	int			handle;			/* of that burst; -1: none */
	bool		in_unit;		/* "best" is of the unit */
	uint8		nwalks;			/* places for walks: WALK_LINKS, or 0 */
	uint16		record_size;	/* of a record, in the ring's words */
	uint16		room;			/* records that the ring can hold */
	Size		ring_size;		/* bytes of the ring */
	uint64	   *ring;
	Walk	   *walks;			/* NULL until one was found */
	UnitWalk   *best;			/* NULL until one was proven */
} WalkStatement;

/* A unit of work */
typedef struct WalkUnit
{
	uint64		id;				/* 0: none is open */
	uint64		start;			/* places */
	uint64		end;
	uint64		open_until;		/* loose place; what comes later closes it */
} WalkUnit;

#endif							/* QW_WALKS_H */
