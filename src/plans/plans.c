/*-------------------------------------------------------------------------
 *
 * plans.c
 *		The plan of an execution as text.
 *
 * src/plans/plans.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/explain.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "plans/plans.h"

/* What explain_plan() works on */
typedef struct PlanRequest
{
	QueryDesc  *queryDesc;
	char	   *text;			/* the answer */
} PlanRequest;

/* GuardedCallback: as EXPLAIN without ANALYZE prints it */
static void
explain_plan(void *arg)
{
	PlanRequest *request = (PlanRequest *) arg;
	ExplainState *es = NewExplainState();

	es->costs = true;
	es->format = EXPLAIN_FORMAT_TEXT;

	ExplainBeginOutput(es);
	ExplainPrintPlan(es, request->queryDesc);
	ExplainEndOutput(es);

	while (es->str->len > 0 && es->str->data[es->str->len - 1] == '\n')
		es->str->data[--es->str->len] = '\0';
	request->text = es->str->data;
}

char *
plans_text(QueryDesc *queryDesc)
{
	PlanRequest request;

	if (queryDesc->planstate == NULL)
		return NULL;

	request.queryDesc = queryDesc;
	request.text = NULL;
	if (!guarded_call(explain_plan, &request))
		return NULL;
	return request.text;
}
