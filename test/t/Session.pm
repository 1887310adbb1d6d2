# A client's session in the background: psql, driven line by line.

package Session;

use strict;
use warnings;

use IPC::Run;

# Session->new($node, role => ..., name => application_name, database => ...)
sub new
{
	my ($class, $node, %params) = @_;
	my $self = bless { in => '', out => '', err => '', n => 0 }, $class;
	my $connection = sprintf 'host=%s port=%s dbname=%s user=%s application_name=%s',
	  map { my $value = $_; $value =~ s/(['\\])/\\$1/g; "'$value'" }
	  $node->host, $node->port, $params{database} // 'postgres',
	  $params{role} // $node->safe_psql('postgres', 'SELECT current_user'),
	  $params{name} // 'session';

	$self->{timer} = IPC::Run::timeout(180);
	$self->{psql} = IPC::Run::start(
		[ $node->installed_command('psql'), '-XAtq', '-f', '-', $connection ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{timer});
	$self->query('SELECT 1');
	return $self;
}

# Waits for the result
sub query
{
	my ($self, $sql) = @_;
	my $mark = 'done ' . ++$self->{n};

	$self->{out} = '';
	$self->{in} .= "$sql;\n\\echo $mark\n";
	$self->{psql}->pump until $self->{out} =~ /^$mark$/m || !$self->{psql}->pumpable;
	die "session ended: $self->{err}" unless $self->{out} =~ s/^$mark\n//m;
	chomp $self->{out};
	return $self->{out};
}

# Does not wait
sub send
{
	my ($self, $sql) = @_;

	$self->{in} .= "$sql;\n";
	$self->{psql}->pump_nb while length $self->{in};
}

sub quit
{
	my ($self) = @_;

	$self->{in} .= "\\q\n";
	$self->{psql}->finish;
}

1;
