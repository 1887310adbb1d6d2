/*-------------------------------------------------------------------------
 *
 * metrics_http.h
 *		The worker's duty to serve /metrics.
 *
 * src/metrics/metrics_http.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_METRICS_HTTP_H
#define QW_METRICS_HTTP_H

#include "common/duty.h"

/*
 * Serves GET and HEAD of /metrics and /healthz on metrics_port, if that is
 * not 0.  Never waits for a client, and takes up bounded memory whatever
 * clients do.
 */
extern const WorkerDuty metrics_duty;

#endif							/* QW_METRICS_HTTP_H */
