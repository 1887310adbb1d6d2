--
-- Settings: defaults, what is out of range, who may set them
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_querywatch;
RESET client_min_messages;
CREATE EXTENSION pg_querywatch;

SELECT name, boot_val, unit, context, vartype, enumvals
  FROM pg_settings
 WHERE name LIKE 'pg\_querywatch.%'
 ORDER BY name COLLATE "C";

-- every setting says what it is
SELECT name
  FROM pg_settings
 WHERE name LIKE 'pg\_querywatch.%'
   AND (short_desc IS NULL OR short_desc !~ '^[A-Z].*\.$');

-- out of range: refused, and the hint says what is in it
SET pg_querywatch.slow_threshold = -2;
SET pg_querywatch.slow_threshold = '30d';
SET pg_querywatch.query_max_length = 127;
SET pg_querywatch.query_max_length = '2MB';
SET pg_querywatch.parameter_max_length = 7;
SET pg_querywatch.parameter_max_length = '1MB';
SET pg_querywatch.repeat_threshold = 1;
SET pg_querywatch.repeat_threshold = 1000001;
SET pg_querywatch.repeat_gap = 0;
SET pg_querywatch.repeat_memory = '128kB';
SET pg_querywatch.repeat_memory = '65MB';
SET pg_querywatch.metrics_statements = -1;
SET pg_querywatch.metrics_statements = 1001;
SET pg_querywatch.repeat_gap = '2h';
SET pg_querywatch.track = 'everything';
SET pg_querywatch.on_repeat = 'panic';
SET pg_querywatch.tags = 'route;job';
SET pg_querywatch.tags = 'a=b';
SET pg_querywatch.nonsense = 1;

-- at the limits, and in other units
SET pg_querywatch.slow_threshold = -1;
SET pg_querywatch.slow_threshold = '24d';
SHOW pg_querywatch.slow_threshold;
SET pg_querywatch.slow_threshold = '1.5s';
SHOW pg_querywatch.slow_threshold;
SET pg_querywatch.query_max_length = '1MB';
SET pg_querywatch.query_max_length = 128;
SHOW pg_querywatch.query_max_length;
SET pg_querywatch.parameter_max_length = '64kB';
SET pg_querywatch.parameter_max_length = 8;
SHOW pg_querywatch.parameter_max_length;
SET pg_querywatch.repeat_threshold = 1000000;
SET pg_querywatch.repeat_threshold = 2;
SHOW pg_querywatch.repeat_threshold;
SET pg_querywatch.repeat_gap = '1h';
SET pg_querywatch.repeat_gap = 1;
SHOW pg_querywatch.repeat_gap;
SET pg_querywatch.repeat_memory = '64MB';
SET pg_querywatch.repeat_memory = '256kB';
SHOW pg_querywatch.repeat_memory;
SET pg_querywatch.tags = '';
SET pg_querywatch.tags = 'route, job,my.key_1-x';
SHOW pg_querywatch.tags;
RESET ALL;

-- fixed at server start, and checked there
SET pg_querywatch.max_statements = 1000;
ALTER SYSTEM SET pg_querywatch.max_statements = 99;
ALTER SYSTEM SET pg_querywatch.max_statements = 1000001;
ALTER SYSTEM SET pg_querywatch.text_memory = '63kB';
ALTER SYSTEM SET pg_querywatch.text_memory = '3GB';
ALTER SYSTEM SET pg_querywatch.slow_memory = '63kB';
ALTER SYSTEM SET pg_querywatch.slow_memory = '2GB';
ALTER SYSTEM SET pg_querywatch.max_patterns = 9;
ALTER SYSTEM SET pg_querywatch.max_patterns = 100001;

-- changed by reloading
SET pg_querywatch.save = off;
SET pg_querywatch.save_interval = 10;
ALTER SYSTEM SET pg_querywatch.save_interval = -1;
ALTER SYSTEM SET pg_querywatch.save_interval = '2d';

-- an ordinary role: only what concerns its own session
CREATE ROLE regress_qw_settings;
SET ROLE regress_qw_settings;
SET pg_querywatch.repeat_threshold = 10;
SET pg_querywatch.on_repeat = notice;
SET pg_querywatch.track = none;
SET pg_querywatch.track_utility = off;
SET pg_querywatch.track_planning = off;
SET pg_querywatch.query_max_length = 1024;
SET pg_querywatch.slow_threshold = 0;
SET pg_querywatch.capture_plan = off;
SET pg_querywatch.capture_parameters = off;
SET pg_querywatch.parameter_max_length = 100;
SET pg_querywatch.repeat_gap = 100;
SET pg_querywatch.tags = 'secret';
RESET ROLE;
DROP ROLE regress_qw_settings;

-- and they do what they say
RESET ALL;
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = none;
SELECT 'not' AS recorded;
SET pg_querywatch.track = top;
SELECT 'is' AS recorded, 1 AS n;
SET pg_querywatch.track_utility = off;
CHECKPOINT;
SET pg_querywatch.track_planning = off;
SELECT 'unplanned' AS recorded, 1 AS n, 2 AS m;
SET pg_querywatch.track_planning = on;
SELECT calls, plans, total_plan_time > 0 AS planned, query
  FROM querywatch.statements
 WHERE query ~ 'recorded|CHECKPOINT' AND query !~ 'querywatch'
 ORDER BY query COLLATE "C";
RESET ALL;
