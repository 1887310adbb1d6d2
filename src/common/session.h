/*-------------------------------------------------------------------------
 *
 * session.h
 *		Where a session is, and what stands in the way of the short path.
 *
 * All of it is one word, so that an ordinary statement of the client asks once
 * whether anything is special: it is not where the word is zero.
 *
 * Backend-local.
 *
 * src/common/session.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SESSION_H
#define QW_SESSION_H

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/* Bits: a statement takes the long path while any of these is set */
typedef enum SessionObstacle
{
	OBSTACLE_TRACK_NONE = 1 << 0,	/* track = none */
	OBSTACLE_NO_UTILITY = 1 << 1,	/* track_utility = off */
	OBSTACLE_CAPTURE = 1 << 2,	/* begin_capture() was called */
	OBSTACLE_SETTINGS = 1 << 3, /* repeat_threshold, repeat_gap or on_repeat
								 * may have changed; repeats.c takes it back */
	OBSTACLE_OPEN_QUERY = 1 << 4	/* a query has run in part */
} SessionObstacle;

typedef union Session
{
	struct
	{
		int			level;		/* executor, planner and utility statements
								 * that we are inside of */
		uint16		phase;		/* ToplevelPhase */
		uint16		obstacles;	/* SessionObstacle */
	};
	uint64		all;
}			Session;

extern Session session;

static inline void
session_obstacle(SessionObstacle obstacle, bool there)
{
	if (there)
		session.obstacles |= obstacle;
	else
		session.obstacles &= ~obstacle;
}

#pragma GCC visibility pop

#endif							/* QW_SESSION_H */
