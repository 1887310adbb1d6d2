/*-------------------------------------------------------------------------
 *
 * prometheus.h
 *		The metrics, in Prometheus's text exposition format 0.0.4.
 *
 * Collecting reads shared memory only and needs no database, so that SQL and
 * the background worker show the same.  Names of databases and roles come
 * from a directory, which the caller reads after it has collected: a database
 * with counts that is not in it has been dropped.
 *
 * While the text is made no lock is held.  Collecting takes, shared, the lock
 * that backends take at their begin and end, and that of patterns; for
 * findings, and if single statements are asked for, those of the statements
 * too, one after the other.
 *
 * src/metrics/prometheus.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PROMETHEUS_H
#define QW_PROMETHEUS_H

#include "lib/stringinfo.h"

#include "metrics/capacity.h"

#define PROMETHEUS_CONTENT_TYPE \
	"text/plain; version=0.0.4; charset=utf-8"

typedef struct PrometheusData PrometheusData;

/*
 * In memory of the current context.  statements: as many, those with the most
 * time.  Findings are worked out again if those of this process are that many
 * seconds old.
 */
extern PrometheusData *prometheus_collect(int statements, int findings_age);

/*
 * Appends the text.  It is UTF-8, or with "ascii" plain ASCII.  "fresh": the
 * directory was read after the data.
 */
extern void prometheus_render(StringInfo out, PrometheusData *data,
							  const Directory *directory, bool fresh,
							  bool ascii);

#endif							/* QW_PROMETHEUS_H */
