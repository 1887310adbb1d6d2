# Runs the cases of cases.rb through ActiveRecord: see ../programs.py for how
# it is told to.
#
# Arguments: the database, and how the cases are run:
#
#     jobs prepared       as they are, in a transaction (T) or not (A), with
#                         prepared statements
#     jobs unprepared     the same without
#     requests tags       each as a controller's action, with query log tags

require "json"
require "active_record"

DATABASE, WAY, OPTION = ARGV

def connect(application_name)
  ActiveRecord::Base.establish_connection(
    adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"],
    username: "app", database: DATABASE, application_name: application_name,
    prepared_statements: OPTION != "unprepared", pool: 1)
end

def disconnect
  ActiveRecord::Base.connection_pool.disconnect!
end

require_relative "models"
require_relative "registry"
require_relative "cases"
if WAY == "requests"
  require_relative "tags"
  require_relative "requests"
end

def run(number, mode)
  example = wanted_cases[number]
  if example.only == "requests"
    Visitors.new.instance_exec(&example.block)
  elsif WAY == "requests"
    Visitors.new.get("case/#{CASES.index(example)}")
  elsif mode == "T"
    ActiveRecord::Base.transaction(&example.block)
  else
    example.block.call
  end
end

def wanted_cases
  CASES.select { |example| [nil, WAY].include?(example.only) }
end

def answer(value)
  puts JSON.generate(value)
  $stdout.flush
end

connect("")
create_tables
fill
ApplicationRecord.descendants.each(&:columns)
disconnect

# a request is no transaction
modes = WAY == "requests" ? ["A"] : %w[T A]
answer(wanted_cases.map do |example|
  [example.number, (example.modes.chars & modes).join, example.expected]
end)

$stdin.each_line do |line|
  number, mode, application_name = JSON.parse(line)
  begin
    connect(application_name)
    run(number, mode)
    disconnect
    answer(nil)
  rescue StandardError => e
    disconnect
    answer(e.full_message(highlight: false))
  end
end
