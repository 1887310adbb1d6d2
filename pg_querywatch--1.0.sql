/* pg_querywatch--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_querywatch" to load this file. \quit

-- The schema is made here and belongs to the extension, so no other role has
-- put anything into it, and DROP EXTENSION drops it.  An empty one that could
-- be nobody else's is replaced: what another transaction is about to create in
-- the old one does not get into the new one.
DO $$
DECLARE
    found pg_catalog.oid;
    usable boolean;
BEGIN
    SELECT n.oid,
           n.nspowner = (SELECT r.oid FROM pg_catalog.pg_roles AS r
                          WHERE r.rolname = CURRENT_USER)
           AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(n.nspacl) AS a
                            WHERE a.privilege_type = 'CREATE'
                              AND a.grantee <> n.nspowner)
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                            WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                              AND d.refobjid = n.oid)
      INTO found, usable
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname = 'querywatch';
    IF found IS NOT NULL THEN
        IF usable IS NOT TRUE THEN
            RAISE EXCEPTION 'schema "querywatch" already exists'
                USING ERRCODE = 'duplicate_schema',
                      DETAIL = 'It is not empty, belongs to another role, or another role may create objects in it.',
                      HINT = 'Look at what it holds, then remove it with DROP SCHEMA: the extension creates its own.';
        END IF;
        DROP SCHEMA querywatch;
    END IF;
    CREATE SCHEMA querywatch;
END
$$;

-- Names without a schema are those of pg_catalog or of the new schema
SET LOCAL search_path = querywatch, pg_temp;

COMMENT ON SCHEMA querywatch IS
'slow, repeated and wasteful statements of applications: pg_querywatch';
GRANT USAGE ON SCHEMA querywatch TO PUBLIC;

/* Statements */

CREATE FUNCTION statements(
    IN showtext boolean,
    OUT userid oid,
    OUT dbid oid,
    OUT toplevel boolean,
    OUT queryid bigint,
    OUT query text,
    OUT plans bigint,
    OUT total_plan_time double precision,
    OUT min_plan_time double precision,
    OUT max_plan_time double precision,
    OUT mean_plan_time double precision,
    OUT stddev_plan_time double precision,
    OUT calls bigint,
    OUT total_exec_time double precision,
    OUT min_exec_time double precision,
    OUT max_exec_time double precision,
    OUT mean_exec_time double precision,
    OUT stddev_exec_time double precision,
    OUT rows bigint,
    OUT shared_blks_hit bigint,
    OUT shared_blks_read bigint,
    OUT shared_blks_dirtied bigint,
    OUT shared_blks_written bigint,
    OUT local_blks_hit bigint,
    OUT local_blks_read bigint,
    OUT local_blks_dirtied bigint,
    OUT local_blks_written bigint,
    OUT temp_blks_read bigint,
    OUT temp_blks_written bigint,
    OUT shared_blk_read_time double precision,
    OUT shared_blk_write_time double precision,
    OUT local_blk_read_time double precision,
    OUT local_blk_write_time double precision,
    OUT temp_blk_read_time double precision,
    OUT temp_blk_write_time double precision,
    OUT wal_records bigint,
    OUT wal_fpi bigint,
    OUT wal_bytes numeric,
    OUT wal_buffers_full bigint,
    OUT jit_functions bigint,
    OUT jit_generation_time double precision,
    OUT jit_inlining_count bigint,
    OUT jit_inlining_time double precision,
    OUT jit_optimization_count bigint,
    OUT jit_optimization_time double precision,
    OUT jit_emission_count bigint,
    OUT jit_emission_time double precision,
    OUT jit_deform_count bigint,
    OUT jit_deform_time double precision,
    OUT parallel_workers_to_launch bigint,
    OUT parallel_workers_launched bigint,
    OUT generic_plan_calls bigint,
    OUT custom_plan_calls bigint,
    OUT stats_since timestamptz,
    OUT minmax_stats_since timestamptz,
    OUT p50_exec_time double precision,
    OUT p95_exec_time double precision,
    OUT p99_exec_time double precision,
    OUT errors bigint,
    OUT cancels bigint,
    OUT slow_calls bigint,
    OUT client_time double precision,
    OUT command text,
    OUT tables text[],
    OUT last_seen timestamptz,
    OUT timeouts bigint,
    OUT last_slow_at timestamptz
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_statements_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION statements(boolean) IS
'cumulative statistics of statements; false leaves out their texts and the names of their tables';

-- for the view: a text is fetched only for a row that is shown
CREATE FUNCTION statement_text(userid oid, dbid oid, toplevel boolean, queryid bigint)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_querywatch_statement_text_1_0'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION statement_text(oid, oid, boolean, bigint) IS
'text of a statement; NULL if it is not kept';

CREATE FUNCTION statement_tables(userid oid, dbid oid, toplevel boolean, queryid bigint)
RETURNS text[]
AS 'MODULE_PATHNAME', 'pg_querywatch_statement_tables_1_0'
LANGUAGE C STABLE PARALLEL SAFE COST 100;

COMMENT ON FUNCTION statement_tables(oid, oid, boolean, bigint) IS
'tables and views that a statement names, with their schema';

CREATE VIEW statements AS
  SELECT s.userid,
         s.dbid,
         s.toplevel,
         s.queryid,
         statement_text(s.userid, s.dbid, s.toplevel, s.queryid) AS query,
         s.plans,
         s.total_plan_time,
         s.min_plan_time,
         s.max_plan_time,
         s.mean_plan_time,
         s.stddev_plan_time,
         s.calls,
         s.total_exec_time,
         s.min_exec_time,
         s.max_exec_time,
         s.mean_exec_time,
         s.stddev_exec_time,
         s.rows,
         s.shared_blks_hit,
         s.shared_blks_read,
         s.shared_blks_dirtied,
         s.shared_blks_written,
         s.local_blks_hit,
         s.local_blks_read,
         s.local_blks_dirtied,
         s.local_blks_written,
         s.temp_blks_read,
         s.temp_blks_written,
         s.shared_blk_read_time,
         s.shared_blk_write_time,
         s.local_blk_read_time,
         s.local_blk_write_time,
         s.temp_blk_read_time,
         s.temp_blk_write_time,
         s.wal_records,
         s.wal_fpi,
         s.wal_bytes,
         s.wal_buffers_full,
         s.jit_functions,
         s.jit_generation_time,
         s.jit_inlining_count,
         s.jit_inlining_time,
         s.jit_optimization_count,
         s.jit_optimization_time,
         s.jit_emission_count,
         s.jit_emission_time,
         s.jit_deform_count,
         s.jit_deform_time,
         s.parallel_workers_to_launch,
         s.parallel_workers_launched,
         s.generic_plan_calls,
         s.custom_plan_calls,
         s.stats_since,
         s.minmax_stats_since,
         s.p50_exec_time,
         s.p95_exec_time,
         s.p99_exec_time,
         s.errors,
         s.cancels,
         s.slow_calls,
         s.client_time,
         s.command,
         statement_tables(s.userid, s.dbid, s.toplevel, s.queryid) AS tables,
         s.last_seen
    FROM statements(false) AS s;

GRANT SELECT ON statements TO PUBLIC;

COMMENT ON VIEW statements IS
'cumulative statistics of each statement: the columns of pg_stat_statements, and more; times in milliseconds';
COMMENT ON COLUMN statements.calls IS
'executions that completed; errors and cancels are counted apart';
COMMENT ON COLUMN statements.total_exec_time IS
'milliseconds executing, failed executions included, as in the other *_exec_time columns';
COMMENT ON COLUMN statements.p50_exec_time IS
'median execution time, milliseconds; within 10 % of the exact one';
COMMENT ON COLUMN statements.errors IS
'executions that failed, other than by cancellation';
COMMENT ON COLUMN statements.cancels IS
'executions that were cancelled, by statement_timeout too';
COMMENT ON COLUMN statements.slow_calls IS
'executions that took pg_querywatch.slow_threshold or more';
COMMENT ON COLUMN statements.client_time IS
'milliseconds that the session was idle between this statement and the next one of the same transaction: network and application';
COMMENT ON COLUMN statements.command IS
'SELECT, INSERT, ..., or the command tag of a utility statement';
COMMENT ON COLUMN statements.tables IS
'tables and views that the statement names, with their schema';
COMMENT ON COLUMN statements.last_seen IS
'when the client last sent the statement';

/* Slow statements */

CREATE FUNCTION slow_statements(
    OUT id bigint,
    OUT started_at timestamptz,
    OUT exec_time double precision,
    OUT plan_time double precision,
    OUT rows bigint,
    OUT outcome text,
    OUT sqlstate text,
    OUT userid oid,
    OUT dbid oid,
    OUT application_name text,
    OUT client_addr inet,
    OUT pid integer,
    OUT toplevel boolean,
    OUT queryid bigint,
    OUT query text,
    OUT parameters text[],
    OUT plan text,
    OUT shared_blks_hit bigint,
    OUT shared_blks_read bigint,
    OUT temp_blks_written bigint,
    OUT wal_bytes numeric,
    OUT tags jsonb,
    OUT trace_id text,
    OUT runnable_sql text,
    OUT wait_time jsonb,
    OUT blocked_by jsonb
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'querywatch_slow_statements'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION slow_statements() IS
'executions that took at least pg_querywatch.slow_threshold, with role and database as OIDs; the view of the same name shows names';

CREATE VIEW slow_statements AS
  SELECT s.id,
         s.started_at,
         s.exec_time,
         s.plan_time,
         s.rows,
         s.outcome,
         s.sqlstate,
         d.datname,
         r.rolname,
         s.application_name,
         s.client_addr,
         s.pid,
         s.toplevel,
         s.queryid,
         s.query,
         s.parameters,
         s.plan,
         s.shared_blks_hit,
         s.shared_blks_read,
         s.temp_blks_written,
         s.wal_bytes,
         s.tags,
         s.trace_id,
         s.runnable_sql,
         s.wait_time,
         s.blocked_by
    FROM slow_statements() AS s
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
   ORDER BY s.id DESC;

GRANT SELECT ON slow_statements TO PUBLIC;

COMMENT ON VIEW slow_statements IS
'executions that took at least pg_querywatch.slow_threshold, newest first; the oldest make room for new ones within pg_querywatch.slow_memory';
COMMENT ON COLUMN slow_statements.exec_time IS
'milliseconds executing, without planning';
COMMENT ON COLUMN slow_statements.plan_time IS
'milliseconds planning just before; 0 if the plan already existed';
COMMENT ON COLUMN slow_statements.outcome IS
'completed, error, canceled or timeout';
COMMENT ON COLUMN slow_statements.query IS
'the statement as it was sent, cut to pg_querywatch.query_max_length';
COMMENT ON COLUMN slow_statements.parameters IS
'values of $1, $2, ..., each cut to pg_querywatch.parameter_max_length; NULL if they were not captured';
COMMENT ON COLUMN slow_statements.plan IS
'the executed plan, as EXPLAIN shows it; NULL if it was not captured or the statement did not complete';
COMMENT ON COLUMN slow_statements.tags IS
'sqlcommenter tags of the statement, those named in pg_querywatch.tags';
COMMENT ON COLUMN slow_statements.trace_id IS
'trace id from the statement''s traceparent tag';
COMMENT ON COLUMN slow_statements.runnable_sql IS
'the statement with its values written in, ready to run by hand; NULL if the text was cut or a value was not captured whole';

COMMENT ON COLUMN slow_statements.wait_time IS
'milliseconds that the execution waited, by wait event, sampled every pg_querywatch.wait_sampling_interval; NULL if no sample saw it wait';
COMMENT ON COLUMN slow_statements.blocked_by IS
'who was at the head of the chain of those that held it up, when that was last looked at: pid (0: a prepared transaction), state, milliseconds in it, application, statement that it ran or ran last; NULL if that is not known';

CREATE FUNCTION explain(slow_id bigint, "analyze" boolean DEFAULT false)
RETURNS SETOF text
AS 'MODULE_PATHNAME', 'querywatch_explain'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION explain(bigint, boolean) IS
'current plan of a slow statement with its recorded values, planned as the role that ran it; with "analyze", a SELECT is run too';

CREATE FUNCTION reset_slow()
RETURNS void
AS 'MODULE_PATHNAME', 'querywatch_reset_slow'
LANGUAGE C VOLATILE PARALLEL SAFE;

REVOKE ALL ON FUNCTION reset_slow() FROM PUBLIC;

COMMENT ON FUNCTION reset_slow() IS
'discards all slow statements';

CREATE VIEW slow_summary AS
  SELECT s.queryid,
         d.datname,
         r.rolname,
         statement_text(s.userid, s.dbid, s.toplevel, s.queryid) AS query,
         s.calls + s.errors + s.cancels AS calls,
         s.slow_calls,
         s.slow_calls::double precision
           / nullif(s.calls + s.errors + s.cancels, 0)::double precision
           AS slow_share,
         s.total_exec_time,
         s.p95_exec_time,
         s.max_exec_time,
         s.timeouts,
         s.last_slow_at
    FROM statements(false) AS s
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.userid
   WHERE s.slow_calls > 0
   ORDER BY s.slow_calls::double precision * s.p95_exec_time DESC,
            s.total_exec_time DESC;

GRANT SELECT ON slow_summary TO PUBLIC;

COMMENT ON VIEW slow_summary IS
'statements that were ever slow, those with the most slow time first';
COMMENT ON COLUMN slow_summary.calls IS
'executions, failed and cancelled ones included';
COMMENT ON COLUMN slow_summary.slow_share IS
'share of its executions that were slow, from 0 to 1';
COMMENT ON COLUMN slow_summary.timeouts IS
'executions cancelled by statement_timeout';

/* Repeated statements */

CREATE FUNCTION repeated_statements(
    OUT kind text,
    OUT confidence text,
    OUT dbid oid,
    OUT userid oid,
    OUT application_name text,
    OUT route text,
    OUT queryid bigint,
    OUT query text,
    OUT parent_queryid bigint,
    OUT parent_query text,
    OUT relationship text,
    OUT bursts bigint,
    OUT executions bigint,
    OUT mean_burst double precision,
    OUT max_burst bigint,
    OUT distinct_parameters bigint,
    OUT total_exec_time double precision,
    OUT total_burst_time double precision,
    OUT time_lost double precision,
    OUT example_parameters text[],
    OUT example_trace_id text,
    OUT first_seen timestamptz,
    OUT last_seen timestamptz,
    OUT key_column text,
    OUT parent_column text,
    OUT constraint_name text,
    OUT parent_executions bigint,
    OUT parent_rows bigint,
    OUT rows bigint,
    OUT transactions bigint,
    OUT bursts_one_transaction bigint,
    OUT bursts_committed_alone bigint,
    OUT values_compared bigint,
    OUT values_matched bigint,
    OUT bursts_values_confirm bigint,
    OUT bursts_values_doubt bigint
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_repeats_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION repeated_statements() IS
'patterns of repeated statements, with role and database as OIDs; the view of the same name shows names';

/* What is repeated on purpose */

CREATE TABLE ignored (
    queryid bigint PRIMARY KEY,
    query text,
    reason text NOT NULL,
    ignored_by name NOT NULL,
    ignored_at timestamptz NOT NULL,
    query_hash bigint GENERATED ALWAYS AS (hashtextextended(query, 0)) STORED
);

-- on_repeat looks a statement up by queryid, then by its text's hash
CREATE INDEX ignored_query_hash_idx ON ignored (query_hash);

SELECT pg_catalog.pg_extension_config_dump('ignored', '');
GRANT SELECT ON ignored TO pg_read_all_stats;

COMMENT ON TABLE ignored IS
'statements of this database that may be repeated: on_repeat leaves them alone; ignore() and unignore() write it, dumps carry it';
COMMENT ON COLUMN ignored.query IS
'its text: knows the statement again where a restored dump gave its tables other OIDs and thus another queryid; NULL if there was none, or it was cut';
COMMENT ON COLUMN ignored.query_hash IS
'hash of its text, by which on_repeat finds the row';

CREATE FUNCTION ignore(queryid bigint, reason text)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    known bigint := ignore.queryid;
    why text := btrim(ignore.reason, E' \t\r\n');
    found text;
    seen boolean;
BEGIN
    IF coalesce(known, 0) = 0 THEN
        RAISE EXCEPTION 'queryid must not be null or 0'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'querywatch.repeated_statements has it in the column queryid.';
    END IF;
    IF coalesce(why, '') = '' THEN
        RAISE EXCEPTION 'reason must not be null or empty'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Say why this statement may be repeated, for those who read the list later.';
    END IF;

    -- a text that was cut could be that of several statements
    SELECT true, s.query INTO seen, found
      FROM querywatch.statements AS s
     WHERE s.queryid = known
       AND s.dbid = (SELECT d.oid FROM pg_database AS d
                      WHERE d.datname = current_database())
     ORDER BY s.query IS NULL, s.toplevel DESC
     LIMIT 1;
    IF octet_length(found) >
       (SELECT g.setting::integer FROM pg_settings AS g
         WHERE g.name = 'pg_querywatch.query_max_length') - 4
    THEN
        found := NULL;
    END IF;

    DELETE FROM querywatch.ignored AS i
     WHERE i.query = found AND i.queryid <> known;
    INSERT INTO querywatch.ignored AS i
           (queryid, query, reason, ignored_by, ignored_at)
    VALUES (known, found, why,
            coalesce(nullif(current_setting('role'), 'none'), session_user),
            now())
        ON CONFLICT ON CONSTRAINT ignored_pkey
        DO UPDATE SET query = coalesce(excluded.query, i.query),
                      reason = excluded.reason,
                      ignored_by = excluded.ignored_by,
                      ignored_at = excluded.ignored_at;

    IF seen IS NULL THEN
        RAISE NOTICE 'no statement with queryid % is known in this database', known
            USING HINT = 'It will be ignored when it comes.';
    END IF;
END
$$;

CREATE FUNCTION unignore(queryid bigint)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM querywatch.ignored AS i
     WHERE i.queryid = unignore.queryid
        OR i.query IN (SELECT s.query
                         FROM querywatch.statements AS s
                        WHERE s.queryid = unignore.queryid
                          AND s.dbid = (SELECT d.oid FROM pg_database AS d
                                         WHERE d.datname = current_database()));
    RETURN FOUND;
END
$$;

REVOKE ALL ON FUNCTION ignore(bigint, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION unignore(bigint) FROM PUBLIC;

COMMENT ON FUNCTION ignore(bigint, text) IS
'adds a statement of this database to the ignore list, or changes the reason';
COMMENT ON FUNCTION unignore(bigint) IS
'removes a statement from the ignore list; false if it was not there';

CREATE VIEW repeated_statements AS
  SELECT p.kind,
         p.confidence,
         d.datname,
         r.rolname,
         p.application_name,
         p.route,
         p.queryid,
         p.query,
         p.parent_queryid,
         p.parent_query,
         p.relationship,
         p.key_column,
         p.parent_column,
         p.values_compared,
         p.values_matched,
         p.bursts,
         p.executions,
         p.mean_burst,
         p.max_burst,
         p.distinct_parameters,
         p.total_exec_time,
         p.total_burst_time,
         p.time_lost,
         p.example_parameters,
         p.example_trace_id,
         p.first_seen,
         p.last_seen,
         i.reason AS ignored
    FROM repeated_statements() AS p
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = p.dbid
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = p.userid
    LEFT JOIN LATERAL (
         SELECT l.reason
           FROM ignored AS l
          WHERE (l.queryid = p.queryid OR l.query = p.query)
            AND d.datname = pg_catalog.current_database()
          ORDER BY l.queryid = p.queryid DESC
          LIMIT 1) AS i ON true
   ORDER BY p.time_lost DESC;

GRANT SELECT ON repeated_statements TO PUBLIC;

COMMENT ON VIEW repeated_statements IS
'statements that were repeated although one statement would do, by kind, parent, role, database, application and route; most time lost first';
COMMENT ON COLUMN repeated_statements.ignored IS
'reason why the statement is ignored, if it is on the ignore list of this database';
COMMENT ON COLUMN repeated_statements.kind IS
'n_plus_one, repeated_lookup, duplicate_query, row_by_row_insert, row_by_row_update, row_by_row_delete or deep_offset';
COMMENT ON COLUMN repeated_statements.confidence IS
'confirmed, likely or suspected';
COMMENT ON COLUMN repeated_statements.route IS
'place in the application, from the statement''s sqlcommenter tags';
COMMENT ON COLUMN repeated_statements.parent_query IS
'the statement whose rows the repeated one walks over: the 1 in N+1';
COMMENT ON COLUMN repeated_statements.relationship IS
'one_to_many, many_to_one, many_to_many, count_or_exists or deferred_column';
COMMENT ON COLUMN repeated_statements.key_column IS
'the column whose values the repeated statement looks up, one at a time';
COMMENT ON COLUMN repeated_statements.parent_column IS
'the parent''s column that the values come from, by a foreign key or because the parent''s rows had these values';
COMMENT ON COLUMN repeated_statements.values_compared IS
'distinct values, at most 64 for each burst, that were compared with the rows of the parent; 0: not compared yet';
COMMENT ON COLUMN repeated_statements.values_matched IS
'of values_compared, those that the parent had returned in parent_column';
COMMENT ON COLUMN repeated_statements.bursts IS
'number of times that the statement reached pg_querywatch.repeat_threshold in one window';
COMMENT ON COLUMN repeated_statements.distinct_parameters IS
'distinct sets of values, added up over the bursts';
COMMENT ON COLUMN repeated_statements.total_burst_time IS
'milliseconds from the first execution of a burst to the end of its last, network and application included';
COMMENT ON COLUMN repeated_statements.time_lost IS
'milliseconds that one statement in place of each burst could have saved, at most: time of its executions and of the pauses before them (under 100 ms), less one mean execution for each burst';

/* Findings */

-- What was changed of the thresholds, and nothing else: a dump's rows find none
-- in their way.
CREATE TABLE changed_thresholds (
    name text PRIMARY KEY,
    value double precision NOT NULL CHECK (value >= 0 AND value < 'Infinity')
);

SELECT pg_catalog.pg_extension_config_dump('changed_thresholds', '');
GRANT SELECT ON changed_thresholds TO PUBLIC;

COMMENT ON TABLE changed_thresholds IS
'values of querywatch.thresholds that differ from the default; pg_dump carries them';

CREATE VIEW thresholds AS
  SELECT d.name,
         coalesce(c.value, d.value) AS value,
         d.what
    FROM (VALUES
         ('slow_statement_floor', 20::double precision,
          'slow_statement: milliseconds that its p95 or its mean execution time reaches, and ...'),
         ('slow_statement_p95', 500,
          'slow_statement: ... milliseconds that its p95 execution time reaches, or ...'),
         ('slow_statement_share', 0.10,
          'slow_statement: ... share of all time executing in its database, from 0 to 1'),
         ('slow_statement_time', 1000,
          'slow_statement: milliseconds executing in all, at least'),
         ('missing_index_rows', 10000,
          'missing_index: rows that a scan reads and throws away, on average; counted from 1000 on'),
         ('missing_index_share', 0.95,
          'missing_index: share of the rows it reads that a scan throws away, from 0 to 1'),
         ('wasteful_scan_rows', 10000,
          'wasteful_scan: rows that a scan reads, other than missing_index, and throws away, on average; counted from 1000 on'),
         ('wasteful_scan_share', 0.95,
          'wasteful_scan: share of what it reads or compares that is thrown away, from 0 to 1'),
         ('wasteful_scan_pairs', 1000000,
          'wasteful_scan: pairs of rows that a nested loop compares and throws away, on average; counted from 100000 on'),
         ('unindexed_foreign_key_rows', 10000,
          'unindexed_foreign_key: rows that the triggers of a foreign key read, on average'),
         ('unindexed_foreign_key_share', 0.50,
          'unindexed_foreign_key: share of the statement''s time that these triggers take, from 0 to 1'),
         ('temp_spill_bytes', 1048576,
          'temp_spill: bytes that one execution writes to temporary files'),
         ('deep_offset_rows', 1000,
          'deep_offset: rows that one execution skips; counted from 1000 on'),
         ('large_result_rows', 10000,
          'large_result: rows that one execution returns at once; counted from 1000 on'),
         ('wide_rows_bytes', 4096,
          'wide_rows: bytes of a row returned, on average; counted from 512 on'),
         ('client_time_ratio', 5,
          'client_time: time of the application after it, as a multiple of its execution time'),
         ('client_time_rows', 1000,
          'client_time: rows that an execution returns, on average'),
         ('client_time_mean', 50,
          'client_time: milliseconds of the application after an execution, on average'),
         ('idle_in_transaction_time', 1000,
          'idle_in_transaction: milliseconds that a transaction waits for the client; counted from 100 on'),
         ('constant_lists_share', 0.10,
          'constant_lists: share of max_statements that differ from another statement in the length of a list only, from 0 to 1, where statements were evicted'),
         ('lock_wait_time', 1000,
          'lock_wait: milliseconds waited for locks in all, at least, and ...'),
         ('lock_wait_share', 0.10,
          'lock_wait: ... share of the time that the statement took, from 0 to 1, or ...'),
         ('lock_wait_longest', 5000,
          'lock_wait: ... milliseconds that one execution waited'),
         ('severity_high_time', 60000,
          'high: milliseconds lost, or ...'),
         ('severity_high_share', 0.10,
          'high: ... share of all time executing in the database, from 0 to 1, with severity_medium_time; medium without'),
         ('severity_medium_time', 5000,
          'medium: milliseconds lost'),
         ('min_time_lost', 0,
          'milliseconds lost below which nothing is a finding'))
         AS d (name, value, what)
    LEFT JOIN changed_thresholds AS c ON c.name = d.name;

COMMENT ON VIEW thresholds IS
'thresholds of findings: change a value with UPDATE; pg_dump carries it';
COMMENT ON COLUMN thresholds.what IS
'what the value means, and its unit';

GRANT SELECT ON thresholds TO PUBLIC;

-- With the rights of its owner: who may update the view need not write to the
-- table below it.
CREATE FUNCTION change_threshold() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.name IS DISTINCT FROM OLD.name
       OR NEW.what IS DISTINCT FROM OLD.what THEN
        RAISE EXCEPTION 'of thresholds only the value can be changed'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'UPDATE querywatch.thresholds SET value = ... WHERE name = ...';
    END IF;
    IF NEW.value IS NULL OR NEW.value < 0 OR NEW.value >= 'Infinity' THEN
        RAISE EXCEPTION 'a threshold is a number from 0 up'
            USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO querywatch.changed_thresholds AS c (name, value)
    VALUES (NEW.name, NEW.value)
        ON CONFLICT ON CONSTRAINT changed_thresholds_pkey
        DO UPDATE SET value = excluded.value;
    RETURN NEW;
END
$$;

REVOKE ALL ON FUNCTION change_threshold() FROM PUBLIC;

COMMENT ON FUNCTION change_threshold() IS
'trigger of querywatch.thresholds: stores a changed value';

CREATE TRIGGER change_threshold
    INSTEAD OF INSERT OR UPDATE OR DELETE ON thresholds
    FOR EACH ROW EXECUTE FUNCTION change_threshold();

CREATE FUNCTION findings(
    OUT severity text,
    OUT kind text,
    OUT confidence text,
    OUT dbid oid,
    OUT userid oid,
    OUT application_name text,
    OUT route text,
    OUT query text,
    OUT parent_query text,
    OUT occurrences bigint,
    OUT executions bigint,
    OUT time_lost double precision,
    OUT evidence text,
    OUT suggestion text,
    OUT rewrite text,
    OUT queryid bigint,
    OUT parent_queryid bigint,
    OUT first_seen timestamptz,
    OUT last_seen timestamptz
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_findings_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION findings() IS
'findings, worst first, with role and database as OIDs; the view of the same name shows names';

CREATE VIEW all_findings AS
  SELECT f.severity,
         f.kind,
         f.confidence,
         d.datname,
         r.rolname,
         f.application_name,
         f.route,
         f.query,
         f.parent_query,
         f.occurrences,
         f.executions,
         f.time_lost,
         f.evidence,
         f.suggestion,
         f.rewrite,
         f.queryid,
         f.parent_queryid,
         f.first_seen,
         f.last_seen,
         i.reason AS ignored
    FROM findings() AS f
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = f.dbid
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = f.userid
    LEFT JOIN LATERAL (
         SELECT l.reason
           FROM ignored AS l
          WHERE (l.queryid = f.queryid OR l.query = f.query)
            AND d.datname = pg_catalog.current_database()
          ORDER BY l.queryid = f.queryid DESC
          LIMIT 1) AS i ON true
   ORDER BY CASE f.severity WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
            f.time_lost DESC, f.kind, f.queryid;

GRANT SELECT ON all_findings TO PUBLIC;

COMMENT ON VIEW all_findings IS
'findings, including those of ignored statements, with the reason in the column ignored';
COMMENT ON COLUMN all_findings.ignored IS
'reason why the statement is ignored, if it is on the ignore list of this database';

CREATE VIEW findings AS
  SELECT f.severity,
         f.kind,
         f.confidence,
         f.datname,
         f.rolname,
         f.application_name,
         f.route,
         f.query,
         f.parent_query,
         f.occurrences,
         f.executions,
         f.time_lost,
         f.evidence,
         f.suggestion,
         f.rewrite,
         f.queryid,
         f.parent_queryid,
         f.first_seen,
         f.last_seen
    FROM all_findings AS f
   WHERE f.ignored IS NULL;

GRANT SELECT ON findings TO PUBLIC;

COMMENT ON VIEW findings IS
'what to change, worst first; ignored statements are excluded: repeated statements, slow statements and what makes them slow, with evidence and suggestion';
COMMENT ON COLUMN findings.severity IS
'high, medium or low, by time lost, its share of all time, and confidence: see querywatch.thresholds';
COMMENT ON COLUMN findings.kind IS
'n_plus_one, repeated_lookup, duplicate_query, row_by_row_insert, row_by_row_update, row_by_row_delete, deep_offset, slow_statement, timeouts, missing_index, temp_spill, large_result, wide_rows, client_time, idle_in_transaction, wasteful_scan, constant_lists, lock_wait or unindexed_foreign_key';
COMMENT ON COLUMN findings.confidence IS
'confirmed, likely or suspected';
COMMENT ON COLUMN findings.application_name IS
'of a repeated statement, the application that lost most time to it';
COMMENT ON COLUMN findings.route IS
'of a repeated statement, the route that lost most time to it; the evidence lists others';
COMMENT ON COLUMN findings.parent_query IS
'of a repeated statement, the parent after which most time was lost; the evidence lists others';
COMMENT ON COLUMN findings.occurrences IS
'number of bursts for a repeated statement, otherwise of executions';
COMMENT ON COLUMN findings.time_lost IS
'milliseconds that the change could save, at most; time that several findings share counts in one of them only (the evidence says "part of"), so that the sum is never more than the time that the sessions spent';
COMMENT ON COLUMN findings.evidence IS
'what was counted and measured, with units, rounded';
COMMENT ON COLUMN findings.suggestion IS
'what to change, in 400 characters at most';
COMMENT ON COLUMN findings.rewrite IS
'complete statement to use instead, or to run once, with $n for its parameters; NULL if none is known to be right';
/* Rewrites */

CREATE FUNCTION rewrite(
    query text,
    kind text,
    key_column text DEFAULT NULL,
    parent_query text DEFAULT NULL,
    parent_column text DEFAULT NULL
)
RETURNS text
AS 'MODULE_PATHNAME', 'pg_querywatch_rewrite_1_0'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION rewrite(text, text, text, text, text) IS
'statement to use in place of many executions of this one: kind is batch, join, write, values, copy or keyset; NULL if none is known to be right';

CREATE FUNCTION missing_index(
    IN query text,
    IN relation regclass,
    OUT statement text,
    OUT cost double precision,
    OUT cost_with_index double precision
)
RETURNS record
AS 'MODULE_PATHNAME', 'pg_querywatch_missing_index_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION missing_index(text, regclass) IS
'the index that would spare this statement a sequential scan of the table; with HypoPG installed, only if the planner would use it, and its costs without and with it';

/* Counts for a test */

CREATE FUNCTION begin_capture()
RETURNS void
AS 'MODULE_PATHNAME', 'pg_querywatch_begin_capture_1_0'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION begin_capture() IS
'begins to count the statements of this session, for a test; end_capture() returns the counts';

CREATE FUNCTION end_capture(
    OUT n bigint,
    OUT queryid bigint,
    OUT query text,
    OUT executions bigint,
    OUT distinct_parameters bigint,
    OUT rows bigint,
    OUT exec_time double precision
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_end_capture_1_0'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION end_capture() IS
'returns the statements that this session ran since begin_capture(), in the order of their first execution, and ends the counting';

/* Evicted statements */

CREATE FUNCTION evicted(
    OUT dbid oid,
    OUT statements bigint,
    OUT calls bigint,
    OUT rows bigint,
    OUT errors bigint,
    OUT cancels bigint,
    OUT plans bigint,
    OUT total_plan_time double precision,
    OUT total_exec_time double precision,
    OUT shared_blks_hit bigint,
    OUT shared_blks_read bigint,
    OUT shared_blks_dirtied bigint,
    OUT shared_blks_written bigint,
    OUT local_blks_hit bigint,
    OUT local_blks_read bigint,
    OUT local_blks_dirtied bigint,
    OUT local_blks_written bigint,
    OUT temp_blks_read bigint,
    OUT temp_blks_written bigint
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_evicted_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION evicted() IS
'sums of evicted statements by database OID; the view of the same name shows names';

CREATE VIEW evicted AS
  SELECT d.datname,
         e.*
    FROM evicted() AS e
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = e.dbid;

GRANT SELECT ON evicted TO PUBLIC;

COMMENT ON VIEW evicted IS
'sums of the statements that made room for others (pg_querywatch.max_statements), so that totals stay true';
COMMENT ON COLUMN evicted.statements IS
'number of evictions in the sums';

/* Info */

CREATE FUNCTION info(
    OUT version text,
    OUT statements bigint,
    OUT statements_limit bigint,
    OUT dealloc bigint,
    OUT list_variants bigint,
    OUT text_bytes bigint,
    OUT text_limit bigint,
    OUT texts_dropped bigint,
    OUT slow_recorded bigint,
    OUT slow_overwritten bigint,
    OUT slow_dropped bigint,
    OUT patterns bigint,
    OUT patterns_limit bigint,
    OUT patterns_dropped bigint,
    OUT routes_folded bigint,
    OUT applications_folded bigint,
    OUT repeat_memory_refused bigint,
    OUT waits bigint,
    OUT waits_limit bigint,
    OUT waits_evicted bigint,
    OUT plans_evicted bigint,
    OUT waits_folded bigint,
    OUT lock_waits bigint,
    OUT lock_waits_limit bigint,
    OUT lock_waits_evicted bigint,
    OUT shared_bytes bigint,
    OUT connection_bytes bigint,
    OUT stats_reset timestamptz,
    OUT saved_at timestamptz,
    OUT settings_to_raise text[]
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_info_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE ROWS 1;

COMMENT ON FUNCTION info() IS
'state of pg_querywatch itself';

CREATE VIEW info AS
  SELECT i.* FROM info() AS i;

GRANT SELECT ON info TO PUBLIC;

COMMENT ON VIEW info IS
'state of pg_querywatch itself: what it keeps, its limits, and what it could not keep';
COMMENT ON COLUMN info.statements IS
'statements in the table, at most statements_limit (pg_querywatch.max_statements)';
COMMENT ON COLUMN info.dealloc IS
'statements evicted to make room for others';
COMMENT ON COLUMN info.list_variants IS
'statements in the table that differ from another one in the length of a list only, such as IN ($1, $2) from IN ($1)';
COMMENT ON COLUMN info.texts_dropped IS
'statements whose text made room for others or found none (pg_querywatch.text_memory)';
COMMENT ON COLUMN info.slow_overwritten IS
'slow executions that were overwritten in the log (pg_querywatch.slow_memory)';
COMMENT ON COLUMN info.slow_dropped IS
'slow executions that could not be logged';
COMMENT ON COLUMN info.patterns_dropped IS
'patterns that made room for others, and bursts that found no room (pg_querywatch.max_patterns)';
COMMENT ON COLUMN info.routes_folded IS
'bursts counted under the route (other), because there are too many distinct routes';
COMMENT ON COLUMN info.applications_folded IS
'bursts counted under the application (other), because there are too many distinct application names';
COMMENT ON COLUMN info.repeat_memory_refused IS
'pieces of memory that sessions needed beyond pg_querywatch.repeat_memory to find repeats; parents of some repeats may be unknown';
COMMENT ON COLUMN info.waits IS
'sums of what sessions wait for, at most waits_limit (pg_querywatch.max_waits)';
COMMENT ON COLUMN info.waits_evicted IS
'sums that made room for others';
COMMENT ON COLUMN info.plans_evicted IS
'statements whose wasteful plans made room for those of others, of which 256 are kept';
COMMENT ON COLUMN info.waits_folded IS
'samples counted under the application (other), because there are too many distinct application names';
COMMENT ON COLUMN info.lock_waits IS
'who waited for locks behind whom, for the finding lock_wait: at most lock_waits_limit, a twentieth of waits_limit';
COMMENT ON COLUMN info.lock_waits_evicted IS
'of these, how many made room for others';
COMMENT ON COLUMN info.shared_bytes IS
'total shared memory; never grows';
COMMENT ON COLUMN info.connection_bytes IS
'shared memory for each of max_connections; part of shared_bytes';
COMMENT ON COLUMN info.stats_reset IS
'when all statistics of statements were last discarded';
COMMENT ON COLUMN info.saved_at IS
'when the statistics were last saved to disk, or already were the same as the file (pg_querywatch.save_interval); NULL if never';

COMMENT ON COLUMN info.settings_to_raise IS
'settings that have been too low since the statistics were reset; NULL if none';

/* Latency */

CREATE FUNCTION latency_histogram(
    OUT lower_time double precision,
    OUT upper_time double precision,
    OUT calls bigint,
    OUT bar text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_histogram_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION latency_histogram() IS
'distribution of execution times of all statements, in milliseconds';

-- NULL, a look-up that found nothing, returns no rows.
CREATE FUNCTION latency_histogram(
    IN queryid bigint,
    OUT lower_time double precision,
    OUT upper_time double precision,
    OUT calls bigint,
    OUT bar text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_histogram_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION latency_histogram(bigint) IS
'distribution of execution times of one statement, in milliseconds; no rows for NULL';

/* Connections */

CREATE FUNCTION busy_times(
    OUT pid integer,
    OUT busy_time double precision
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_busy_times_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION busy_times() IS
'clients'' backends, and the milliseconds that each spent planning and executing what its client sent, since it began or the statistics were reset';

CREATE VIEW connections AS
  SELECT s.datname,
         s.rolname,
         s.application_name,
         count(*) AS total,
         CASE WHEN bool_and(s.visible)
              THEN count(*) FILTER (WHERE s.is_active) END AS active,
         CASE WHEN bool_and(s.visible)
              THEN count(*) FILTER (WHERE s.is_idle) END AS idle,
         CASE WHEN bool_and(s.visible)
              THEN count(*) FILTER (WHERE s.is_idle_in_transaction)
         END AS idle_in_transaction,
         CASE WHEN bool_and(s.visible)
              THEN count(*) FILTER (WHERE s.is_waiting) END AS waiting,
         max(s.transaction_time) AS longest_transaction,
         max(s.state_time) FILTER (WHERE s.is_idle_in_transaction)
           AS longest_idle_in_transaction,
         sum(CASE WHEN s.visible
                  THEN least(s.connected_time,
                             s.busy_time + CASE WHEN s.is_active
                                                THEN s.state_time
                                                ELSE 0 END) END)
           / nullif(sum(s.connected_time) FILTER (WHERE s.visible), 0)
           AS busy_share
    FROM (SELECT a.datname,
                 a.usename AS rolname,
                 a.application_name,
                 a.state IS NOT NULL AS visible,
                 a.state IN ('active', 'fastpath function call') AS is_active,
                 a.state = 'idle' AS is_idle,
                 a.state IN ('idle in transaction',
                             'idle in transaction (aborted)')
                   AS is_idle_in_transaction,
                 a.wait_event_type = 'Lock' AS is_waiting,
                 greatest(extract(epoch FROM
                                  clock_timestamp() - a.xact_start), 0)
                   ::double precision * 1000 AS transaction_time,
                 greatest(extract(epoch FROM
                                  clock_timestamp() - a.state_change), 0)
                   ::double precision * 1000 AS state_time,
                 greatest(extract(epoch FROM
                                  clock_timestamp()
                                  - greatest(a.backend_start, i.stats_reset)),
                          0)::double precision * 1000 AS connected_time,
                 b.busy_time
            FROM pg_catalog.pg_stat_activity AS a
            JOIN busy_times() AS b ON b.pid = a.pid
           CROSS JOIN info() AS i) AS s
   GROUP BY s.datname, s.rolname, s.application_name;

GRANT SELECT ON connections TO PUBLIC;

COMMENT ON VIEW connections IS
'clients'' connections by database, role and application; times in milliseconds; NULL where a role without pg_read_all_stats may not see them';
COMMENT ON COLUMN connections.waiting IS
'connections that wait for a lock';
COMMENT ON COLUMN connections.longest_transaction IS
'milliseconds since the oldest open transaction began';
COMMENT ON COLUMN connections.longest_idle_in_transaction IS
'milliseconds that a connection has been idle inside a transaction, at most';
COMMENT ON COLUMN connections.busy_share IS
'share of their connected time, from 0 to 1, in which they planned or executed statements: near 0 the pool is larger than needed, near 1 it may be too small';

CREATE VIEW idle_in_transaction AS
  WITH waiting AS MATERIALIZED (
      SELECT w.pid,
             pg_catalog.pg_blocking_pids(w.pid) AS blockers,
             extract(epoch FROM clock_timestamp() - l.waitstart)
               ::double precision * 1000 AS waiting_time
        FROM pg_catalog.pg_stat_activity AS w
        LEFT JOIN pg_catalog.pg_locks AS l ON l.pid = w.pid AND NOT l.granted
       WHERE w.wait_event_type = 'Lock'
  )
  SELECT a.pid,
         a.datname,
         a.usename AS rolname,
         a.application_name,
         a.client_addr,
         greatest(extract(epoch FROM clock_timestamp() - a.state_change), 0)
           ::double precision * 1000 AS idle_time,
         greatest(extract(epoch FROM clock_timestamp() - a.xact_start), 0)
           ::double precision * 1000 AS transaction_time,
         a.query AS last_query,
         b.pids AS blocked_pids,
         b.waiting_time AS blocked_time
    FROM pg_catalog.pg_stat_activity AS a
   CROSS JOIN LATERAL
         (SELECT array_agg(DISTINCT w.pid ORDER BY w.pid) AS pids,
                 max(w.waiting_time) AS waiting_time
            FROM waiting AS w
           WHERE a.pid = ANY (w.blockers)) AS b
   WHERE a.state IN ('idle in transaction', 'idle in transaction (aborted)')
   ORDER BY idle_time DESC;

GRANT SELECT ON idle_in_transaction TO PUBLIC;

COMMENT ON VIEW idle_in_transaction IS
'connections that are idle inside a transaction, longest first, with the last statement of each and whom it blocks; times in milliseconds';
COMMENT ON COLUMN idle_in_transaction.last_query IS
'the last statement that the client sent';
COMMENT ON COLUMN idle_in_transaction.blocked_pids IS
'backends that wait for a lock of this backend, or behind a backend that it blocks; NULL if none';
COMMENT ON COLUMN idle_in_transaction.blocked_time IS
'longest wait of a blocked backend, in milliseconds';

/* Waits */

CREATE FUNCTION waits(
    OUT dbid oid,
    OUT userid oid,
    OUT application_name text,
    OUT queryid bigint,
    OUT query text,
    OUT wait_event_type text,
    OUT wait_event text,
    OUT samples bigint,
    OUT total_time double precision,
    OUT last_seen timestamptz
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_waits_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE ROWS 500;

COMMENT ON FUNCTION waits() IS
'samples of what active sessions waited for; the view of the same name adds names';

CREATE VIEW waits AS
  SELECT d.datname,
         r.rolname,
         w.application_name,
         w.queryid,
         w.query,
         w.wait_event_type,
         w.wait_event,
         w.samples,
         w.total_time,
         w.total_time / nullif(sum(w.total_time) OVER (), 0) AS share,
         w.last_seen
    FROM waits() AS w
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = w.dbid
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = w.userid
   ORDER BY w.total_time DESC;

GRANT SELECT ON waits TO PUBLIC;

COMMENT ON VIEW waits IS
'where the time of active sessions went: what they waited for, by database, role, application and statement, sampled every pg_querywatch.wait_sampling_interval; most time first';
COMMENT ON COLUMN waits.rolname IS
'the session''s role';
COMMENT ON COLUMN waits.queryid IS
'the statement that the client had sent; NULL while it was parsed, and where you may not see it';
COMMENT ON COLUMN waits.query IS
'its text; NULL if it is not kept';
COMMENT ON COLUMN waits.wait_event_type IS
'as in pg_stat_activity; CPU if the server reported no wait';
COMMENT ON COLUMN waits.wait_event IS
'as in pg_stat_activity; CPU if the server reported no wait';
COMMENT ON COLUMN waits.samples IS
'number of samples';
COMMENT ON COLUMN waits.total_time IS
'milliseconds that the samples represent';
COMMENT ON COLUMN waits.share IS
'share of the time of all active sessions, from 0 to 1';
COMMENT ON COLUMN waits.last_seen IS
'time of the last sample';

CREATE FUNCTION activity(
    OUT pid integer,
    OUT datname name,
    OUT rolname name,
    OUT application_name text,
    OUT route text,
    OUT trace_id text,
    OUT queryid bigint,
    OUT query text,
    OUT running_time double precision,
    OUT wait_event_type text,
    OUT wait_event text,
    OUT lock_wait_time double precision,
    OUT blocked_by integer[],
    OUT root_blocker integer,
    OUT root_blocker_state text,
    OUT root_blocker_time double precision,
    OUT root_blocker_query text
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_activity_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 100;

COMMENT ON FUNCTION activity() IS
'current statements of clients'' sessions; the view of the same name sorts them';

CREATE VIEW activity AS
  SELECT a.pid,
         a.datname,
         a.rolname,
         a.application_name,
         a.route,
         a.trace_id,
         a.queryid,
         a.query,
         a.running_time,
         a.wait_event_type,
         a.wait_event,
         a.lock_wait_time,
         a.blocked_by,
         a.root_blocker,
         a.root_blocker_state,
         a.root_blocker_time,
         a.root_blocker_query
    FROM activity() AS a
   ORDER BY a.running_time DESC;

GRANT SELECT ON activity TO PUBLIC;

COMMENT ON VIEW activity IS
'current statements of clients'' sessions, longest first, what they wait for, and who blocks them; reading it never waits for their locks; times in milliseconds';
COMMENT ON COLUMN activity.datname IS
'NULL, as rolname, while somebody has locked the catalog with the names';
COMMENT ON COLUMN activity.rolname IS
'the session''s role';
COMMENT ON COLUMN activity.route IS
'from the statement''s comment, like trace_id, if the text is kept that far (track_activity_query_size)';
COMMENT ON COLUMN activity.query IS
'the statement as sent, cut to track_activity_query_size';
COMMENT ON COLUMN activity.running_time IS
'milliseconds since the client sent the statement';
COMMENT ON COLUMN activity.wait_event_type IS
'as in pg_stat_activity; CPU if the server reports no wait';
COMMENT ON COLUMN activity.wait_event IS
'as in pg_stat_activity; CPU if the server reports no wait';
COMMENT ON COLUMN activity.lock_wait_time IS
'milliseconds since the session began to wait for a lock; NULL if it does not wait for one';
COMMENT ON COLUMN activity.blocked_by IS
'pids of the blocking backends, as pg_blocking_pids() returns them; 0 is a prepared transaction';
COMMENT ON COLUMN activity.root_blocker IS
'pid of the backend at the head of the chain, which waits for no lock; NULL in a deadlock';
COMMENT ON COLUMN activity.root_blocker_state IS
'its state, as in pg_stat_activity, prepared transaction, or the type of a process that is no client''s';
COMMENT ON COLUMN activity.root_blocker_time IS
'milliseconds that the root blocker has been in that state';
COMMENT ON COLUMN activity.root_blocker_query IS
'the statement that the root blocker runs, or ran last';

CREATE FUNCTION reset_waits()
RETURNS void
AS 'MODULE_PATHNAME', 'pg_querywatch_reset_waits_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

REVOKE ALL ON FUNCTION reset_waits() FROM PUBLIC;

COMMENT ON FUNCTION reset_waits() IS
'discards the waits of sessions';

CREATE FUNCTION capacity(
    OUT scope text,
    OUT name name,
    OUT used integer,
    OUT reserved integer,
    OUT connection_limit integer,
    OUT utilization double precision
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_capacity_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION capacity() IS
'connections used of the limits of server, databases and roles; the view of the same name sorts them';

CREATE VIEW capacity AS
  SELECT c.scope,
         c.name,
         c.used,
         c.reserved,
         c.connection_limit,
         c.utilization
    FROM capacity() AS c
   ORDER BY c.scope = 'server' DESC, c.utilization DESC, c.scope, c.name;

GRANT SELECT ON capacity TO PUBLIC;

COMMENT ON VIEW capacity IS
'connections used of what the server allows, and of the limits of each database and role that has one';
COMMENT ON COLUMN capacity.scope IS
'server, database or role';
COMMENT ON COLUMN capacity.used IS
'connections that count against the limit; of the server''s, those still logging in too';
COMMENT ON COLUMN capacity.reserved IS
'connections of the server kept for superusers and for members of pg_use_reserved_connections';
COMMENT ON COLUMN capacity.utilization IS
'used / (connection_limit - reserved): from 1 on, ordinary roles are refused';

/* Metrics */

CREATE FUNCTION totals(
    OUT dbid oid,
    OUT executions bigint,
    OUT errors bigint,
    OUT cancels bigint,
    OUT timeouts bigint,
    OUT slow_executions bigint,
    OUT rows bigint,
    OUT total_exec_time double precision,
    OUT total_plan_time double precision,
    OUT total_client_time double precision,
    OUT shared_blks_hit bigint,
    OUT shared_blks_read bigint,
    OUT temp_blks_written bigint,
    OUT wal_bytes bigint
)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pg_querywatch_totals_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION totals() IS
'executions of each database, by OID; the view of the same name shows names';

CREATE VIEW totals AS
  SELECT d.datname,
         t.*
    FROM totals() AS t
    LEFT JOIN pg_catalog.pg_database AS d ON d.oid = t.dbid;

GRANT SELECT ON totals TO PUBLIC;

COMMENT ON VIEW totals IS
'executions of each database since the statistics were reset, evicted statements included; these counts never go down; times in milliseconds';
COMMENT ON COLUMN totals.datname IS
'NULL for dropped databases and for those past the first 63';
COMMENT ON COLUMN totals.executions IS
'executions, failed and cancelled ones included';

CREATE FUNCTION prometheus()
RETURNS text
AS 'MODULE_PATHNAME', 'pg_querywatch_prometheus_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

REVOKE ALL ON FUNCTION prometheus() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prometheus() TO pg_read_all_stats;

COMMENT ON FUNCTION prometheus() IS
'metrics in Prometheus''s text format, as the background worker serves them on pg_querywatch.metrics_port';

/* Reset */

CREATE FUNCTION reset(
    userid oid DEFAULT 0,
    dbid oid DEFAULT 0,
    queryid bigint DEFAULT 0,
    minmax_only boolean DEFAULT false
)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_querywatch_reset_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

REVOKE ALL ON FUNCTION reset(oid, oid, bigint, boolean) FROM PUBLIC;

COMMENT ON FUNCTION reset(oid, oid, bigint, boolean) IS
'discards the statements that match (0 matches all) with their texts, or only their minimum and maximum times';

CREATE FUNCTION reset_patterns()
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'pg_querywatch_reset_patterns_1_0'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;

REVOKE ALL ON FUNCTION reset_patterns() FROM PUBLIC;

COMMENT ON FUNCTION reset_patterns() IS
'discards the repeated statements found so far';
