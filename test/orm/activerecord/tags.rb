# Query log tags: application, controller and action in a comment of each
# statement.  ActiveRecord 7 has them built in; before, this does what
# Marginalia does.

if ActiveRecord.respond_to?(:query_transformers)
  ActiveRecord::QueryLogs.taggings = {
    application: "Blog",
    controller: ->(context) { context[:controller]&.controller_name },
    action: ->(context) { context[:controller]&.action_name }
  }
  ActiveRecord::QueryLogs.tags = %i[application controller action]
  ActiveRecord.query_transformers << ActiveRecord::QueryLogs

  def tagged(controller, &block)
    ActiveSupport::ExecutionContext.set(controller: controller, &block)
  end
else
  require "active_record/connection_adapters/postgresql_adapter"

  module QueryTags
    class << self
      attr_accessor :controller
    end

    def tagged(sql)
      controller = QueryTags.controller or return sql
      "#{sql} /*application:Blog,controller:#{controller.controller_name}," \
        "action:#{controller.action_name}*/"
    end

    def execute(sql, *arguments)
      super(tagged(sql), *arguments)
    end

    private

    def execute_and_clear(sql, *arguments, **options, &block)
      super(tagged(sql), *arguments, **options, &block)
    end
  end
  ActiveRecord::ConnectionAdapters::PostgreSQLAdapter.prepend(QueryTags)

  def tagged(controller)
    QueryTags.controller = controller
    yield
  ensure
    QueryTags.controller = nil
  end
end
