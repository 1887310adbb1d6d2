# Runs the cases of cases.rb through ActiveRecord: see ../programs.py for how
# it is told to.
#
# Arguments: the database, and how the cases are run:
#
#     jobs prepared       as they are, in a transaction (T) or not (A), with
#                         prepared statements
#     jobs unprepared     the same without
#     requests tags       each as a controller's action, with query log tags
#     sql HOW             the statements of ../cases_sql.py; HOW is prepared,
#                         unprepared (values written into the statement) or
#                         tags (with query log tags, not prepared)

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
require_relative "tags" if OPTION == "tags"
require_relative "requests" if WAY == "requests"

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

def rows_of(statement, *values)
  connection = ActiveRecord::Base.connection
  values.map! { |value| value.is_a?(Array) ? "{#{value.join(',')}}" : value }
  if OPTION == "unprepared" && values.any?
    statement = ActiveRecord::Base.sanitize_sql_array(
      [statement.gsub("%s", "?"), *values])
    values = []
  end
  number = 0
  connection.exec_query(
    statement.gsub("%s") { "$#{number += 1}" }, "SQL",
    values.map do |value|
      ActiveRecord::Relation::QueryAttribute.new(
        "", value, ActiveRecord::Type::Value.new)
    end, prepare: OPTION == "prepared" && values.any?).rows
end

# what tags name
Controller = Struct.new(:controller_name, :action_name)

def send_statements
  connected = false
  $stdin.each_line do |line|
    question = JSON.parse(line)
    if question.nil?
      disconnect
      connected = false
      answer(nil)
    elsif connected
      answer(rows_of(*question))
    else
      connect(question[1])
      connected = true
      answer(nil)
    end
  rescue StandardError => e
    answer(e.full_message(highlight: false))
  end
end

if WAY == "sql"
  if OPTION == "tags"
    tagged(Controller.new("case", "sql")) { send_statements }
  else
    send_statements
  end
  exit
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
