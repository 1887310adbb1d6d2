/*-------------------------------------------------------------------------
 *
 * metrics_http.h
 *		The worker's task to serve /metrics.
 *
 * src/metrics/metrics_http.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_METRICS_HTTP_H
#define QW_METRICS_HTTP_H

#include "common/worker_task.h"

/*
 * Serves GET and HEAD of /metrics and /healthz on metrics_port, if that is
 * not 0.  Never waits for a client, and takes up bounded memory whatever
 * clients do.
 */
extern const WorkerTask metrics_task;

#endif							/* QW_METRICS_HTTP_H */
