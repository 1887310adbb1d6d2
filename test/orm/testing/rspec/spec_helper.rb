# What Rails' own rails_helper does: a connection, and a transaction for each
# example

require "active_record"
require_relative "no_repeats"

ActiveRecord::Base.establish_connection(adapter: "postgresql", database: "rails_test")
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table(:authors) { |t| t.text :name }
  create_table(:posts) do |t|
    t.references :author, foreign_key: true
    t.text :title
  end
end

class Author < ActiveRecord::Base
  has_many :posts
end

class Post < ActiveRecord::Base
  belongs_to :author
end

RSpec.configure do |config|
  config.filter_gems_from_backtrace "activerecord", "activesupport"
  config.around do |example|
    ActiveRecord::Base.transaction do
      example.run
      raise ActiveRecord::Rollback
    end
  end
end
