# The tables and models of the cases.

def create_tables
  ActiveRecord::Migration.verbose = false
  ActiveRecord::Schema.define do
    create_table(:authors) do |t|
      t.string :name
      t.integer :comments_count, default: 0
      t.timestamps
    end
    create_table(:profiles) do |t|
      t.references :author, foreign_key: true, index: { unique: true }
      t.text :motto
    end
    create_table(:tags) { |t| t.string :name, index: { unique: true } }
    create_table(:posts) do |t|
      t.references :author, foreign_key: true
      t.string :title
      t.text :body
      t.integer :views, default: 0
      t.integer :lock_version, default: 0
      t.datetime :deleted_at
      t.timestamps
    end
    create_join_table(:posts, :tags) do |t|
      t.foreign_key :posts
      t.foreign_key :tags
      t.index %i[post_id tag_id]
    end
    create_table(:notes) do |t|
      t.references :target, polymorphic: true
      t.text :body
    end
    create_table(:comments) do |t|
      t.references :author, foreign_key: true
      t.references :post, foreign_key: true
      t.text :body
    end
    create_table(:folders) do |t|
      t.references :parent, foreign_key: { to_table: :folders }
      t.string :name
    end
    create_table(:publishers) { |t| t.string :name }
    create_table(:books) do |t|
      t.references :author, foreign_key: true
      t.references :translator, foreign_key: { to_table: :authors }
      t.references :publisher, foreign_key: true
      t.string :title
    end
    create_table(:addresses) { |t| t.string :town }
    create_table(:members) do |t|
      t.references :address, foreign_key: true
      t.string :name
    end
    create_table(:orders) do |t|
      t.references :member, foreign_key: true
      t.integer :total
    end
    create_table(:products, id: :uuid) { |t| t.string :name }
    create_table(:order_lines) do |t|
      t.references :order, foreign_key: true
      t.references :product, type: :uuid, foreign_key: true
      t.integer :quantity
    end
    create_table(:documents, id: :uuid) do |t|
      t.string :type
      t.string :title
      t.text :body
    end
    create_table(:items) { |t| t.string :label }
    create_table(:parts) do |t|
      t.references :item, foreign_key: true
      t.string :label
    end
    create_table(:users) do |t|
      t.string :name
      t.string :token, index: { unique: true }
      t.datetime :seen_at
    end
    create_table(:messages) do |t|
      t.references :sender, foreign_key: { to_table: :users }
      t.references :recipient, foreign_key: { to_table: :users }
      t.text :body
    end
    create_table(:pages) do |t|
      t.string :slug, index: { unique: true }
      t.text :body
    end
    create_table(:settings, id: false) do |t|
      t.string :name, primary_key: true
      t.string :value
    end
    create_table(:entries) do |t|
      t.string :label
      t.integer :amount
    end
    create_table(:jobs) { |t| t.string :state, index: true }
  end
end

# as Rails sets it
ActiveRecord::Base.belongs_to_required_by_default = true

class ApplicationRecord < ActiveRecord::Base
  self.abstract_class = true
end

class Author < ApplicationRecord
  has_one :profile
  has_many :posts
  has_many :books
  has_many :comments
  has_many :tags, through: :posts
  has_many :notes, as: :target
end

class Profile < ApplicationRecord
  belongs_to :author
end

class Tag < ApplicationRecord
  has_and_belongs_to_many :posts
  validates :name, uniqueness: true
end

class Post < ApplicationRecord
  belongs_to :author, optional: true, touch: true
  has_and_belongs_to_many :tags
  has_many :notes, as: :target
  has_many :comments
  default_scope { where(deleted_at: nil) }
end

# On anything: no foreign key leads to what it is about
class Note < ApplicationRecord
  belongs_to :target, polymorphic: true
end

class Comment < ApplicationRecord
  belongs_to :author, counter_cache: true
  belongs_to :post, optional: true
end

# A tree
class Folder < ApplicationRecord
  belongs_to :parent, class_name: "Folder", optional: true
  has_many :children, class_name: "Folder", foreign_key: :parent_id
end

class Publisher < ApplicationRecord
  has_many :books
end

class Book < ApplicationRecord
  belongs_to :author
  belongs_to :translator, class_name: "Author", optional: true
  belongs_to :publisher
end

class Address < ApplicationRecord; end

class Member < ApplicationRecord
  belongs_to :address
end

class Order < ApplicationRecord
  belongs_to :member
  has_many :lines, class_name: "OrderLine"
  has_many :products, through: :lines
  accepts_nested_attributes_for :lines
end

class Product < ApplicationRecord; end

class OrderLine < ApplicationRecord
  belongs_to :order
  belongs_to :product
end

class Document < ApplicationRecord; end

# In the same table
class Letter < Document; end

# Many rows, to be walked
class Item < ApplicationRecord
  has_many :parts
end

class Part < ApplicationRecord
  belongs_to :item
end

class User < ApplicationRecord; end

class Message < ApplicationRecord
  belongs_to :sender, class_name: "User"
  belongs_to :recipient, class_name: "User"
end

class Page < ApplicationRecord; end

class Setting < ApplicationRecord; end

# Written by the cases
class Entry < ApplicationRecord; end

class Job < ApplicationRecord; end

def rows(model, count)
  now = Time.now
  stamps = model.column_names & %w[created_at updated_at]
  model.insert_all!((0...count).map do |i|
    yield(i).merge(stamps.to_h { |name| [name.to_sym, now] })
  end)
end

def fill
  rows(User, 40) { |i| { name: "User #{i}", token: "token-#{i}" } }
  rows(Author, 40) { |i| { name: "Author #{i}" } }
  rows(Profile, 40) { |i| { author_id: i + 1, motto: "Motto" } }
  rows(Tag, 30) { |i| { name: "tag #{i}" } }
  rows(Post, 120) do |i|
    { author_id: i % 40 + 1, title: "Post #{i}", body: "Text. " * 50 }
  end
  ActiveRecord::Base.connection.execute(
    "INSERT INTO posts_tags (post_id, tag_id) SELECT i, (i + j) % 30 + 1 " \
    "FROM generate_series(1, 120) AS i, (VALUES (1), (7), (11)) AS v (j)")
  rows(Note, 40) do |i|
    { target_type: "Author", target_id: i + 1, body: "Note" }
  end
  rows(Folder, 20) { |i| { name: "Root #{i}" } }
  rows(Folder, 60) { |i| { name: "Folder #{i}", parent_id: i % 20 + 1 } }
  rows(Publisher, 40) { |i| { name: "Publisher #{i}" } }
  rows(Book, 80) do |i|
    { author_id: i % 40 + 1, translator_id: (i * 7 + 3) % 40 + 1,
      publisher_id: 40 - i % 40, title: "Book #{i}" }
  end
  rows(Address, 60) { |i| { town: "Town #{i}" } }
  rows(Member, 60) { |i| { name: "Member #{i}", address_id: 60 - i } }
  rows(Order, 120) { |i| { member_id: i * 7 % 60 + 1, total: i } }
  rows(Product, 30) { |i| { name: "Product #{i}" } }
  products = Product.ids
  rows(OrderLine, 360) do |i|
    { order_id: i / 3 + 1, product_id: products[i * 7 % 30], quantity: 1 }
  end
  rows(Document, 60) do |i|
    { type: i.even? ? "Letter" : nil, title: "Document #{i}",
      body: "Text. " * 50 }
  end
  rows(Item, 6000) { |i| { label: "Item #{i}" } }
  rows(Part, 3000) { |i| { item_id: i + 1, label: "Part" } }
  rows(Message, 80) do |i|
    { sender_id: i % 40 + 1, recipient_id: (i + 7) % 40 + 1, body: "Hello" }
  end
  rows(Page, 40) { |i| { slug: "page-#{i}", body: "Page" } }
  rows(Setting, 1) { { name: "theme", value: "dark" } }
  rows(Job, 2000) { { state: "waiting" } }
end
