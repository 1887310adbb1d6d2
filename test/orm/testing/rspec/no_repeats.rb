# In the README

RSpec.shared_context "no repeats" do
  before do
    ActiveRecord::Base.connection.execute("SET LOCAL pg_querywatch.on_repeat = error")
  end
end
