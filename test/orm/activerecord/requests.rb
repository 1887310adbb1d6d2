# Pages as their authors would write them, and one that runs any case.

require "action_controller"
require "rack/mock"

class ApplicationController < ActionController::Base
  around_action do |controller, action|
    # as Rails does for each request
    tagged(controller) { ActiveRecord::Base.cache(&action) }
  end
  before_action { @user = User.find_by!(token: params[:token]) }

  private

  def text(*values)
    render plain: values.join(", ")
  end
end

class CasesController < ApplicationController
  def show
    CASES[params[:id].to_i].block.call
    text
  end
end

class PagesController < ApplicationController
  def show
    text Page.find_by!(slug: params[:id]).body
  end
end

class PostsController < ApplicationController
  def index
    text Post.count, *Post.includes(:author, :tags).order(:id).limit(20)
                          .offset(params[:page].to_i * 20)
                          .map { |post| [post.author.name, post.tags.size] }
  end

  def show
    post = Post.find(params[:id])
    text post.title, post.author.name, post.tags.map(&:name)
  end

  def like
    Post.where(id: params[:id]).update_all("views = views + 1")
    text
  end
end

class AuthorsController < ApplicationController
  def index
    text(*Author.order(:id).limit(20).map(&:name))
  end

  def show
    author = Author.find(params[:id])
    text author.name, author.posts.map(&:title)
  end
end

class VisitsController < ApplicationController
  def create
    @user.update!(seen_at: Time.now)
    Entry.create!(label: @user.name, amount: 1)
    text
  end
end

class ApiController < ActionController::Base
  around_action { |controller, action| tagged(controller, &action) }

  def post
    render plain: Post.find(params[:id]).title
  end

  def posts_of
    render plain: Post.where(author_id: params[:id]).map(&:title).join
  end
end

ROUTES = ActionDispatch::Routing::RouteSet.new
ROUTES.draw do
  resources :cases, :pages, :authors
  resources(:posts) { member { get :like } }
  get "visit", to: "visits#create"
  get "api/post/:id", to: "api#post"
  get "api/posts_of/:id", to: "api#posts_of"
  get "case/:id", to: "cases#show"
end

# Logged-in users who take turns, all on one connection
class Visitors
  def initialize
    @server = Rack::MockRequest.new(ROUTES)
    @turn = (0...6).cycle
  end

  def get(address, user: @turn.next)
    response = @server.get(
      "/#{address}#{address.include?('?') ? '&' : '?'}token=token-#{user}",
      "action_dispatch.show_exceptions" => false)
    raise "#{address}: #{response.status}" unless response.status == 200
  end
end
