# /metrics: what it serves, to whom, and what it withstands

use strict;
use warnings;

use IO::Socket::INET;
use IO::Uncompress::Gunzip qw(gunzip);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(sleep time);

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1, extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.metrics_port = $port
pg_querywatch.save_interval = 1s
max_connections = 12
fsync = off
});
$node->start;
if ($node->safe_psql('postgres', 'SHOW pg_querywatch.metrics_port') eq '0')
{
	like(slurp_file($node->logfile), qr/built without libmicrohttpd.*HINT:.*libmicrohttpd-dev/s,
		'without libmicrohttpd the port is refused with a hint');
	done_testing();
	exit 0;
}

# send_request(PORT, TEXT): the answer; what comes within 20 s
sub send_request
{
	my ($to, $text) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to, Timeout => 20)
	  or return '';
	my $answer = '';

	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { die "no answer\n" };
	alarm 20;
	eval {
		$socket->syswrite($text);
		1 while $socket->sysread($answer, 65536, length $answer);
	};
	alarm 0;
	$socket->close;
	return $answer;
}

sub get
{
	my ($path, %headers) = @_;
	my $answer = send_request($headers{port} // $port,
		($headers{method} // 'GET') . " $path HTTP/1.1\r\nHost: localhost\r\n" . ($headers{more} // '') . "\r\n");
	my ($head, $body) = split /\r\n\r\n/, $answer, 2;
	return wantarray ? ($head // '', $body // '') : $body // '';
}

# Samples of a text, by name and labels; fails on a line that is none
sub samples
{
	my ($text) = @_;
	my (%samples, %type, @faults);

	foreach my $line (split /\n/, $text)
	{
		if ($line =~ /^# TYPE (\w+) (\w+)$/) { $type{$1} = $2 }
		elsif ($line =~ /^# HELP (\w+) .+$/) { }
		elsif ($line =~ /^((\w+?)(?:_bucket|_sum|_count)?(?:\{(?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)+\})?) (-?[0-9.e+-]+)$/)
		{
			my ($name, $value) = ($1, $3);
			push @faults, "twice: $name" if exists $samples{$name};
			$samples{$name} = $value;
		}
		else { push @faults, $line }
	}
	return (\%samples, \%type, \@faults);
}

$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'});
for (1 .. 100) { last if get('/healthz'); sleep 0.1 }

# what it serves
my ($head, $body) = get('/metrics');
like($head, qr{^HTTP/1.1 200 OK\r\n}, 'GET /metrics');
like($head, qr{^Content-Type: text/plain; version=0.0.4; charset=utf-8\r?$}m, 'is in the text format');
my ($samples, $types, $faults) = samples($body);
is_deeply($faults, [], 'and well formed');
is($samples->{'pg_querywatch_build_info{version="1.0.0",postgresql="' . $node->safe_psql('postgres', 'SHOW server_version') . '"}'}, 1, 'build info');
is_deeply([ grep { $types->{$_} eq 'counter' ? !/_total$/ : /_total$/ } keys %$types ], [], 'counters, and only they, end in _total');
($head, $body) = get('/metrics', method => 'HEAD');
like($head, qr{^HTTP/1.1 200 OK\r\n.*Content-Length: [1-9]}s, 'HEAD /metrics');
is($body, '', 'has no body');
is(scalar get('/healthz'), "ok\n", 'GET /healthz');
like((get('/other'))[0], qr{^HTTP/1.1 404 }, 'another path');

# A Host header that does not stand for this server
sub status
{
	my ($request) = @_;
	return send_request($port, $request) =~ m{^HTTP/1\.[01] (\d+) } ? $1 : 'none';
}
foreach my $host ('localhost', 'LocalHost', "localhost:$port", 'localhost:1', 'localhost.', '127.0.0.1', "127.0.0.1:$port")
{
	is(status("GET /metrics HTTP/1.1\r\nHost: $host\r\n\r\n"), 200, "Host: $host");
}
foreach my $host ('evil.example', "evil.example:$port", 'localhost.evil.example', 'evil.localhost', 'localhost@evil.example', '127.0.0.2', '10.0.0.1:80', '[::2]', "[::1]:$port", '::1', ':80', '', '.', '[', ']', '[]', '[localhost', 'localhost:80:80', 'localhost:x', '*')
{
	is(status("GET /metrics HTTP/1.1\r\nHost: $host\r\n\r\n"), 403, "Host: $host");
}
is(status("HEAD /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 403, 'HEAD is refused too');
# (later versions of libmicrohttpd refuse that by themselves)
like(status("GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"), qr/^40[03]$/, 'two of them, one allowed');
is(status("GET /metrics HTTP/1.0\r\n\r\n"), 200, 'HTTP/1.0 needs none');
is(status("GET /metrics HTTP/1.0\r\nHost: evil.example\r\n\r\n"), 403, 'but a wrong one is refused');
unlike(status("GET /metrics HTTP/1.1\r\n\r\n"), qr/^2/, 'HTTP/1.1 needs one');
is(status("GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 200, '/healthz does not ask');
unlike(send_request($port, "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"), qr/pg_querywatch_/, 'no metrics in what is refused');
$node->append_conf('postgresql.conf', "pg_querywatch.metrics_hosts = 'db1.example.com, db1'");
$node->reload;
my $tries = 0;
sleep 1 while status("GET /metrics HTTP/1.1\r\nHost: db1\r\n\r\n") ne '200' && $tries++ < 30;
is(status("GET /metrics HTTP/1.1\r\nHost: $_\r\n\r\n"), 200, "metrics_hosts: $_") foreach 'db1', "DB1.example.com:$port", 'localhost';
is(status("GET /metrics HTTP/1.1\r\nHost: $_\r\n\r\n"), 403, "metrics_hosts: $_") foreach 'db2', 'example.com', 'db1.example.co', 'xdb1', '';
like((get('/metrics/'))[0], qr{^HTTP/1.1 404 }, 'nor a longer one');
foreach my $method (qw(POST PUT DELETE OPTIONS TRACE))
{
	like((get('/metrics', method => $method, more => "Content-Length: 1000000\r\n"))[0],
		qr{^HTTP/1.1 405 .*Allow: GET, HEAD}s, "$method is not for it");
}
($head, $body) = get('/metrics', more => "Accept-Encoding: br, gzip;q=0.5\r\n");
like($head, qr{^Content-Encoding: gzip\r?$}m, 'gzip when asked');
my $plain;
gunzip(\$body, \$plain);
is_deeply((samples($plain // ''))[2], [], 'is the same compressed');
ok(length $body < length($plain) / 5, 'and much smaller');
unlike((get('/metrics', more => "Accept-Encoding: gzip;q=0, deflate\r\n"))[0], qr/Content-Encoding/, 'not when declined');

# the same as in SQL
$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch');
my ($in_sql) = (samples($node->safe_psql('postgres', 'SELECT querywatch.prometheus()')))[0];
$samples = (samples(scalar get('/metrics')))[0];
is_deeply([ sort grep { !/_connections\{|_longest_/ } keys %$samples ], [ sort grep { !/_connections\{|_longest_/ } keys %$in_sql ], 'the same series as prometheus()');

# names, whatever they are: since 19 they have no new lines, but tabs
my ($break, $shown) = $node->safe_psql('postgres', 'SHOW server_version_num') < 190000 ? ('\000A', '\n') : ('\0009', "\t");
$node->safe_psql('postgres', q{
CREATE DATABASE "quote"" back\slash {a=""b""}, é";
CREATE ROLE "role"" \ é" LOGIN CONNECTION LIMIT 5;
CREATE ROLE U&"new} . $break . q{line" LOGIN CONNECTION LIMIT 5;
});
my $session = Session->new($node, role => 'role" \\ é', database => 'quote" back\\slash {a="b"}, é', name => "app\"\n\\ é");
$session->query('SELECT 1');
($samples, $types, $faults) = samples(scalar get('/metrics'));
is_deeply($faults, [], 'names of any kind are well formed');
is($samples->{'pg_querywatch_executions_total{datname="quote\\" back\\\\slash {a=\\"b\\"}, é"}'}, 2, 'a database with quotes');
is($samples->{'pg_querywatch_connections{datname="quote\\" back\\\\slash {a=\\"b\\"}, é",rolname="role\\" \\\\ é",state="idle"}'}, 1, 'a role with quotes');
is($samples->{qq{pg_querywatch_connections_limit{scope="role",name="new${shown}line"}}}, 5, 'one with a new line, or a tab');
$session->quit;

# one that is dropped leaves no counter behind that would go down
my $sum = sub {
	my $total = 0;
	my $now = (samples(scalar get('/metrics')))[0];
	$total += $now->{$_} foreach grep { /^pg_querywatch_executions_total/ } keys %$now;
	return $total;
};
$node->poll_query_until('postgres', q{SELECT sum(total) = 1 FROM querywatch.connections});
my $before = $sum->();
$node->safe_psql('postgres', q{DROP DATABASE "quote"" back\slash {a=""b""}, é"});
cmp_ok($sum->(), '>=', $before, 'executions of a dropped database stay in the sum');
$samples = (samples(scalar get('/metrics')))[0];
is($samples->{'pg_querywatch_executions_total{datname=""}'}, 2, 'without a name');

# no text of a statement, unless asked for
$node->safe_psql('postgres', q{SELECT count(*) AS needle FROM generate_series(1, 1000), pg_sleep(0.01)});
unlike(scalar get('/metrics'), qr/needle|queryid/, 'nothing of single statements');
$node->append_conf('postgresql.conf', 'pg_querywatch.metrics_statements = 5');
$node->reload;
for (1 .. 100) { last if get('/metrics') =~ /queryid/; sleep 0.1 }
my $text = get('/metrics');
like($text, qr/^pg_querywatch_statement_info\{datname="postgres",rolname="[^"]+",queryid="-?\d+",toplevel="true",query="SELECT count\(\*\) AS needle [^"]*"\} 1$/m,
	'unless asked for');
is(scalar(() = $text =~ /^pg_querywatch_statement_seconds_total/mg), 5, 'as many as asked for');
my ($queryid) = $text =~ /queryid="(-?\d+)",toplevel="true",query="SELECT count\(\*\) AS needle/;
like($text, qr/^pg_querywatch_statement_executions_total\{[^}]*queryid="$queryid"[^}]*\} 1$/m, 'counted');

# who may read
my $stderr;
$node->safe_psql('postgres', 'CREATE ROLE plain; CREATE ROLE monitor IN ROLE pg_monitor; CREATE ROLE reader IN ROLE pg_read_all_stats');
$node->psql('postgres', 'SET ROLE plain; SELECT querywatch.prometheus()', stderr => \$stderr);
like($stderr, qr/permission denied for function prometheus/, 'prometheus() is not for everyone');
is($node->safe_psql('postgres', "SET ROLE $_; SELECT querywatch.prometheus() <> ''"), 't', "but for $_") foreach qw(monitor reader);

# errors, cancellations, repeats
$node->safe_psql('postgres', q{CREATE TABLE item (id int PRIMARY KEY, n int CHECK (n > 0)); INSERT INTO item VALUES (1, 1)});
$node->psql('postgres', $_) foreach 'SELECT 1 / 0', 'SELECT 1 / n FROM (SELECT 0) AS z (n)', 'INSERT INTO item VALUES (1, 1)', 'INSERT INTO item VALUES (2, 0)',
  'SET statement_timeout = 50; SELECT pg_sleep(10)';
$node->safe_psql('postgres', join '', map { "SELECT n FROM item WHERE id = $_;" } 1 .. 10);
# a burst counts when it has ended, here with its session
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'});
$samples = (samples(scalar get('/metrics')))[0];
is($samples->{'pg_querywatch_errors_total{datname="postgres",sqlstate_class="23"}'}, 2, 'errors by class: constraints');
is($samples->{'pg_querywatch_errors_total{datname="postgres",sqlstate_class="22"}'}, 2, 'data');
is($samples->{'pg_querywatch_cancels_total{datname="postgres",cause="statement_timeout"}'}, 1, 'a timeout');
my ($bursts) = grep { $samples->{$_} > 0 } grep { /^pg_querywatch_bursts_total/ } keys %$samples;
like($bursts, qr/kind="repeated_lookup"/, 'a burst');
ok((grep { $samples->{$_} > 0 } grep { /^pg_querywatch_time_lost_seconds_total.*repeated_lookup/ } keys %$samples) == 1, 'and the time it lost');
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
$samples = (samples(scalar get('/metrics')))[0];
is($samples->{'pg_querywatch_errors_total{datname="postgres",sqlstate_class="23"}'}, 0, 'none after a reset');

# while there are no connections left
my @sessions;
push @sessions, eval { Session->new($node, name => 'full') } // last for 1 .. 12;
is(scalar @sessions, 12, 'all connections are taken');
$node->psql('postgres', 'SELECT 1', stderr => \$stderr);
like($stderr, qr/too many clients/, 'nobody can log in');
$samples = (samples(scalar get('/metrics')))[0];
is($samples->{'pg_querywatch_connections_used{scope="server",name=""}'}, 12, '/metrics says so');
cmp_ok($samples->{'pg_querywatch_connections_utilization_ratio{scope="server",name=""}'}, '>', 1, 'as utilization too');

# while catalogs are locked
$sessions[0]->query('BEGIN; LOCK pg_authid, pg_database IN ACCESS EXCLUSIVE MODE');
my $started = time;
is((samples(scalar get('/metrics')))[0]{'pg_querywatch_connections_used{scope="server",name=""}'}, 12, 'it answers while shared catalogs are locked');
cmp_ok(time - $started, '<', 2, 'at once');
$sessions[0]->query('ROLLBACK');

# while checkpoints and writes go on
$sessions[0]->send('DO $$ BEGIN FOR i IN 1 .. 5 LOOP CREATE TABLE IF NOT EXISTS storm AS SELECT generate_series(1, 100000) AS i; UPDATE storm SET i = i + 1; DROP TABLE storm; END LOOP; END $$');
$sessions[1]->send(join ';', ('CHECKPOINT') x 20);
my $slowest = 0;
for (1 .. 30)
{
	$started = time;
	get('/metrics') =~ /connections_used/ or die 'no answer';
	$slowest = time - $started if time - $started > $slowest;
	sleep 0.02;
}
cmp_ok($slowest, '<', 2, 'it answers during a storm of checkpoints');
$_->quit foreach @sessions;

# hostile clients
my $worker = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'});
sub memory { slurp_file("/proc/$worker/status") =~ /^VmRSS:\s+(\d+) kB/m; return $1 }
sub has_not_grown
{
	my ($since, $name) = @_;
  SKIP:
	{
		skip 'the address sanitizer keeps what is freed', 1 if ($ENV{UNDER} // '') eq 'sanitize';
		cmp_ok(memory() - $since, '<', 1024, $name);
	}
}
sub descriptors { my @open = glob "/proc/$worker/fd/*"; return scalar @open }
sub garbage
{
	my ($n) = @_;
	for my $i (1 .. $n)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or next;
		local $SIG{PIPE} = 'IGNORE';
		$socket->syswrite(
			(   "\0\1\2\3\4\5" x 100, "GET /metrics HTTP/9.9\r\n\r\n", 'GET /' . 'a' x 20000 . " HTTP/1.1\r\n\r\n",
				"GET /metrics HTTP/1.1\r\n" . ("X: " . 'y' x 1000 . "\r\n") x 30 . "\r\n", "\r\n\r\n\r\n", "POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n")[ $i % 6 ]);
		$socket->close;
	}
}
my $descriptors = descriptors();
garbage(500);
get('/metrics') for 1 .. 50;
my $memory = memory();
garbage(10000);
is(scalar get('/healthz'), "ok\n", 'it answers after 10,000 garbage requests');
get('/metrics') for 1 .. 50;
has_not_grown($memory, 'and has not grown by a megabyte');

# slowloris: more connections than it has, a byte each now and then
my @slow;
my $drip = sub { local $SIG{PIPE} = 'IGNORE'; $_->syswrite('X') foreach @slow };
for (1 .. 100)
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or next;
	$socket->syswrite("GET /metrics HTTP/1.1\r\nX: ");
	push @slow, $socket;
}
my $saved = $node->safe_psql('postgres', 'SELECT saved_at FROM querywatch.info');
$started = time;
is(scalar get('/healthz'), "ok\n", 'it answers while clients dawdle');
cmp_ok(time - $started, '<', 2, 'at once');
ok(descriptors() - $descriptors <= 70, 'it holds a bounded number of them');
for (1 .. 24) { $drip->(); sleep 0.5 }
ok(wait_for(sub { descriptors() <= $descriptors }, 5), 'and none after a while');
cmp_ok($node->safe_psql('postgres', "SELECT extract(epoch FROM saved_at - '$saved') FROM querywatch.info"), '>', 5, 'statistics are saved meanwhile');
has_not_grown($memory, 'nor has it grown');
@slow = ();

# a client that does not read
my @deaf;
for (1 .. 20)
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or next;
	setsockopt($socket, SOL_SOCKET, SO_RCVBUF, 1024);
	$socket->syswrite("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	push @deaf, $socket;
}
is(scalar get('/healthz'), "ok\n", 'it answers while clients do not read');
@deaf = ();
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|FATAL:  (?!sorry|remaining|terminating)/, 'nothing failed meanwhile');

# a port in use
my $taken = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "listen: $!";
$node->start;
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'});
is($node->safe_psql('postgres', 'SELECT 1'), '1', 'the database runs though the port is in use');
ok( wait_for(sub { slurp_file($node->logfile) =~ /WARNING:  pg_querywatch cannot serve metrics on 127\.0\.0\.1:$port: Address already in use.*HINT:  Another process has this port/s }, 10),
	'with a warning');
$taken->close;
ok(wait_for(sub { scalar get('/healthz') eq "ok\n" }, 30), 'and serves metrics once it is free');

# on a standby
$node->backup('backup');
my $standby_port = PostgreSQL::Test::Cluster::get_free_port();
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "pg_querywatch.metrics_port = $standby_port");
$standby->start;
ok(wait_for(sub { scalar get('/healthz', port => $standby_port) eq "ok\n" }, 30), 'a standby serves metrics');
$standby->safe_psql('postgres', 'SELECT 1');
like(scalar get('/metrics', port => $standby_port), qr/^pg_querywatch_executions_total\{datname="postgres"\} [1-9]/m, 'its own');
$standby->stop;
$node->stop;

done_testing();

sub wait_for
{
	my ($condition, $seconds) = @_;
	my $end = time + $seconds;

	while (time < $end)
	{
		return 1 if $condition->();
		sleep 0.2;
	}
	return 0;
}
