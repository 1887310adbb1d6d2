# The list of cases, and what they expect: functions of ../verdicts.py.

Example = Struct.new(:number, :expected, :modes, :only, :block)
CASES = []
SEVERAL = %w[likely confirmed].freeze
ANY = %w[suspected likely confirmed].freeze

# These register a block as a case.  only: "jobs" or "requests".
def repeats(number, *expected, modes: "TA", only: nil, &block)
  CASES << Example.new(number, expected, modes, only, block)
end

def no_repeats(number, modes: "TA", only: nil, &block)
  CASES << Example.new(number, "nothing", modes, only, block)
end

def no_sure_repeats(number, modes: "TA", only: nil, &block)
  CASES << Example.new(number, "nothing sure", modes, only, block)
end

def n_plus_one(relationship, repeated, parent, times = 20, **confidences)
  ["n_plus_one", [relationship, repeated, parent, times], confidences]
end

def lookup(repeated, times = 20)
  ["lookup", [repeated, times], {}]
end

def duplicate(repeated, times = 20)
  ["duplicate", [repeated, times], {}]
end

def row_by_row(verb, table, times = 20)
  ["row_by_row", [verb, table, times], {}]
end

def deep_offset(repeated)
  ["deep_offset", [repeated], {}]
end
