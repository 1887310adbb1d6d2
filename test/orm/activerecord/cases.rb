# Cases as ActiveRecord sends them.

N = 20
UNIQUE = (1..).each

def first(model, count = N)
  model.order(:id).limit(count)
end

# ---- must be found ---------------------------------------------------------

P1 = n_plus_one("many_to_one", "authors", "posts")
P2 = n_plus_one("one_to_many", "posts", "authors")

repeats("P1, P3, P21", P1) { first(Post).each { |post| post.author.name } }

repeats("P2, P4", P2) { first(Author).each { |author| author.posts.to_a } }

repeats("P2, filtered and cut", P2) do
  first(Author).each do |author|
    author.posts.where("views >= 0").order(created_at: :desc).limit(3).to_a
  end
end

repeats("P2, included in vain", P2) do
  first(Author).includes(:posts).each do |author|
    author.posts.where(views: 0).to_a
  end
end

repeats("P5", n_plus_one("one_to_many", "profiles", "authors")) do
  first(Author).each { |author| author.profile.motto }
end

repeats("P6", n_plus_one("many_to_many", "tags INNER JOIN posts_tags",
                         "posts")) do
  first(Post).each { |post| post.tags.map(&:name) }
end

repeats("P6, through", n_plus_one(
  "many_to_many", "products INNER JOIN order_lines", "orders")) do
  first(Order).each { |order| order.products.map(&:name) }
end

repeats("P7", n_plus_one("one_to_many", "folders", "folders")) do
  Folder.where(parent: nil).each { |folder| folder.children.to_a }
end

repeats("P7, all levels", n_plus_one("one_to_many", "folders", "folders",
                                     80)) do
  level = Folder.where(parent: nil).to_a
  level = level.flat_map { |folder| folder.children.to_a } until level.empty?
end

repeats("P8", n_plus_one("any", "notes", "authors", T: SEVERAL, A: ANY)) do
  first(Author).each { |author| author.notes.map(&:body) }
end

repeats("P8, their targets",
        n_plus_one("any", "authors", "notes", T: SEVERAL, A: ANY)) do
  first(Note).each { |note| note.target.name }
end

repeats("P9", n_plus_one("count_or_exists", "posts", "authors")) do
  first(Author).each { |author| author.posts.count }
end

repeats("P9, sums", n_plus_one("any", "posts", "authors")) do
  first(Author).each { |author| author.posts.sum(:views) }
end

repeats("P10", n_plus_one("count_or_exists", "posts", "authors")) do
  first(Author).each { |author| author.posts.exists? }
end

repeats("P10, any?", n_plus_one("count_or_exists", "posts", "authors")) do
  first(Author).each { |author| author.posts.any? }
end

repeats("P11", P2) { first(Author).each { |author| author.posts.last } }

repeats("P12", P2) do
  first(Author).each { |author| author.posts.pluck(:title) }
end

repeats("P12, of the author", P1) do
  first(Post).each { |post| Author.where(id: post.author_id).pick(:name) }
end

# (in autocommit a list and requests for what is in it look the same)
repeats("P13", n_plus_one("deferred_column", "documents", "documents",
                          A: ANY)) do
  Document.select(:id, :type, :title).limit(N).each do |document|
    Document.where(id: document.id).pick(:body)
  end
end

repeats("P13, reload", n_plus_one("deferred_column", "posts", "posts",
                                  A: ANY)) do
  first(Post).select(:id, :title).each { |post| post.reload.body }
end

repeats("P14", lookup("authors")) { (3...3 + N).each { |id| Author.find(id) } }

repeats("P14, by name", lookup("tags")) do
  (1..N).each { |i| Tag.find_by(name: "tag #{i}") }
end

# Two of a book's columns lead to authors: which one, only values can tell.
repeats("P15", n_plus_one("many_to_one", "authors", "books", T: SEVERAL, A: SEVERAL),
        n_plus_one("many_to_one", "publishers", "books")) do
  first(Book).each { |book| [book.author.name, book.publisher.name] }
end

repeats("P16", n_plus_one("many_to_one", "members", "orders"),
        n_plus_one("many_to_one", "addresses", nil)) do
  first(Order).each { |order| order.member.address.town }
end

repeats("P16, to many", n_plus_one("one_to_many", "order_lines", "orders"),
        n_plus_one("many_to_one", "products", nil, 60), only: "jobs") do
  first(Order).each do |order|
    order.lines.each { |line| line.product.name }
  end
end

# (in autocommit each transaction may be a request)
repeats("P17", P2, modes: "T") do
  first(Author).each do |author|
    Author.transaction(requires_new: true) { author.posts.to_a }
  end
end

repeats("P18, find_each", n_plus_one("many_to_one", "authors", "posts", nil,
                                     T: ANY, A: ANY)) do
  Post.find_each(batch_size: 60) { |post| post.author.name }
end

repeats("P19", P2) do
  first(Author).each { |author| Post.where(author_id: [author.id]).to_a }
end

repeats("P23, P24", row_by_row("insert", "entries")) do
  N.times { |i| Entry.create!(label: "entry", amount: i) }
end

repeats("P25", row_by_row("update", "settings"), modes: "T") do
  names = (1..N).map { |i| "setting #{i} of #{UNIQUE.next}" }
  Setting.insert_all!(names.map { |name| { name: name, value: "old" } })
  Setting.where(name: names).each { |setting| setting.update!(value: "new") }
  raise ActiveRecord::Rollback
end

repeats("P25, one column", row_by_row("update", "posts")) do
  first(Post).each { |post| post.update_column(:views, post.views + 1) }
end

repeats("P25, counted up", row_by_row("update", "posts")) do
  first(Post).each { |post| post.increment!(:views) }
end

repeats("P26", row_by_row("delete", "entries")) do
  Entry.insert_all!(Array.new(N) { |i| { label: "doomed", amount: i } })
  Entry.where(label: "doomed").each(&:destroy!)
end

repeats("P27", row_by_row("insert", "entries"), lookup("entries"),
        modes: "T") do
  N.times do
    Entry.find_or_create_by!(label: "unique #{UNIQUE.next}")
  end
end

repeats("P27, validates uniqueness", row_by_row("insert", "tags"),
        lookup("tags"), modes: "T") do
  N.times { Tag.create!(name: "unique #{UNIQUE.next}") }
end

repeats("P28", duplicate("settings"), only: "jobs") do
  N.times { Setting.find_by(name: "theme").value }
end

repeats("P28, in a loop over rows", duplicate("settings"), only: "jobs") do
  first(Post).each { Setting.where(name: "theme").pick(:value) }
end

repeats("P29", deep_offset("items")) do
  0.step(5000, 100) do |offset|
    Item.order(:label).limit(100).offset(offset).to_a
  end
end

repeats("P30", row_by_row("insert", "entries"), P2, modes: "T") do
  N.times { |i| Entry.create!(label: "fixture", amount: i) }
  first(Author).each { |author| author.posts.to_a }
end

repeats("P31", lookup("posts"), row_by_row("update", "posts"), modes: "T") do
  (1..N).each { |id| Post.find(id).increment!(:views) }
end

# ---- must not be called a repeat -------------------------------------------

no_repeats("N1") do
  first(Book, 50).eager_load(:author, :publisher).each do |book|
    [book.author.name, book.publisher.name]
  end
end

no_repeats("N2") do
  first(Author).includes(:posts, :profile).each do |author|
    [author.posts.size, author.profile.motto]
  end
end

no_repeats("N2, preload") do
  first(Post, 50).preload(:author, :tags).each do |post|
    [post.author.name, post.tags.size]
  end
end

no_repeats("N2, polymorphic") do
  Note.includes(:target).order(:id).each { |note| note.target.name }
end

no_repeats("N8, insert_all and upsert_all") do
  Entry.insert_all!(Array.new(50) { |i| { label: "many", amount: i } })
  Setting.upsert_all(Array.new(12) { |i| { name: "upsert #{i}", value: "x" } },
                     unique_by: :name)
end

no_repeats("N3") do
  Item.where("id <= 2500").includes(:parts)
      .find_each(batch_size: 500) { |item| item.parts.size }
end

no_repeats("N4") do
  Post.where(author_id: Author.where("id < 20").select(:id)).to_a
  Post.group(:author_id).count
end

no_repeats("N5") { Item.where("id <= 2000").find_each(batch_size: 100) { 1 } }

no_repeats("N5, in_batches") do
  Item.where("id <= 2000").in_batches(of: 100) do |batch|
    batch.update_all(label: "x")
  end
end

no_repeats("N8") do
  10.times do
    Entry.insert_all!(Array.new(50) { |i| { label: "chunk", amount: i } })
  end
end

no_repeats("N10") { [Author.find(1), User.find(1), Author.find(2)] }

no_repeats("N11", only: "jobs") { 2.times { Author.find(7).posts.to_a } }

no_repeats("N12") do
  message = Message.find(1)
  [message.sender.name, message.recipient.name]
end

no_sure_repeats("N17", modes: "A") do
  N.times do
    Job.transaction do
      Job.lock("FOR UPDATE SKIP LOCKED").where(state: "waiting").order(:id)
         .first.update!(state: "done")
    end
  end
end

no_repeats("N19") do
  post = Post.find(1)
  3.times { post.increment!(:views).reload }
end

no_repeats("N20") { Tag.create!(name: "only #{UNIQUE.next}") }

no_repeats("N21") do
  [Author.find(1), User.find(2), Page.find(3), Post.find(4)]
end

no_repeats("N24") do
  connection = ActiveRecord::Base.connection
  connection.tables.each do |table|
    connection.columns(table)
    connection.indexes(table)
    connection.foreign_keys(table)
    connection.primary_keys(table)
  end
end

no_repeats("N30") { Folder.where(parent: nil).each(&:parent) }

no_repeats("N31") { [0, 20].each { |n| first(Post).offset(n).to_a } }

no_repeats("N32") { [1, 2, 3].each { |id| Page.find(id) } }

# ---- what applications do --------------------------------------------------

repeats("flow, nested serializers",
        n_plus_one("many_to_one", "members", "orders"),
        n_plus_one("one_to_many", "order_lines", "orders"),
        n_plus_one("many_to_one", "products", nil, 60), only: "jobs") do
  first(Order).map do |order|
    { total: order.total, member: order.member.name,
      lines: order.lines.map { |line| [line.quantity, line.product.name] } }
  end
end

no_repeats("flow, serializers of what was included") do
  first(Order).includes(:member, lines: :product).map do |order|
    [order.member.name, order.lines.map { |line| line.product.name }]
  end
end

repeats("flow, through two associations",
        n_plus_one("any", "tags INNER JOIN posts_tags", "authors",
                   T: SEVERAL, A: SEVERAL)) do
  first(Author).each { |author| author.tags.distinct.map(&:name) }
end

no_repeats("flow, one table for several classes") do
  Letter.limit(20).map(&:title)
  Document.where(title: ["Document 1", "Document 2"]).to_a
end

# the author is looked for, and counted for, with each comment
repeats("flow, counter cache", row_by_row("insert", "comments"),
        row_by_row("update", "authors"), lookup("authors"), modes: "T") do
  (1..N).each { |id| Comment.create!(author_id: id, body: "x") }
end

repeats("flow, counter cache of one", row_by_row("insert", "comments"),
        modes: "T") do
  author = Author.find(3)
  N.times { author.comments.create!(body: "x") }
end

repeats("flow, softly deleted one by one", row_by_row("update", "posts"),
        modes: "T") do
  Post.no_touching do
    Post.order(id: :desc).limit(N).each do |post|
      post.update_columns(deleted_at: Time.now)
    end
  end
  raise ActiveRecord::Rollback
end

# (what is touched is loaded, even if it is not touched)
repeats("flow, optimistic locking", row_by_row("update", "posts"), P1,
        modes: "T") do
  Post.no_touching do
    first(Post).each { |post| post.update!(title: "#{post.title}'") }
  end
  raise ActiveRecord::Rollback
end

# (that there is such a product is looked up for each)
repeats("flow, nested attributes", row_by_row("insert", "order_lines"),
        n_plus_one("deferred_column", "products", "products"), modes: "T") do
  lines = Product.limit(N).ids.map { |id| { product_id: id, quantity: 1 } }
  Order.create!(member_id: 1, lines_attributes: lines)
end

no_sure_repeats("flow, each its transaction: a job for one record",
                modes: "A") do
  (1..N).each do |id|
    Post.transaction do
      post = Post.lock.find(id)
      post.update_columns(views: post.views + 1)
      Entry.create!(label: "job", amount: id)
    end
  end
end

no_repeats("flow, a data loader") do
  orders = first(Order).to_a
  members = Member.where(id: orders.map(&:member_id)).index_by(&:id)
  lines = OrderLine.where(order_id: orders.map(&:id)).group_by(&:order_id)
  Product.where(id: lines.values.flatten.map(&:product_id)).to_a
  orders.map { |order| members[order.member_id].name }
end

no_repeats("flow, a batch job by key") do
  Item.where("id <= 1000").in_batches(of: 100) do |batch|
    items = batch.includes(:parts).to_a
    Item.upsert_all(items.map { |item| { id: item.id, label: "done" } })
  end
end

no_sure_repeats("flow, a worker that finds nothing to do", modes: "A") do
  N.times { Job.where(state: "failed").order(:id).first }
end

no_repeats("flow, destroyed with what it owns") do
  author = Author.create!(name: "doomed")
  Post.insert_all!(Array.new(N) do
    { author_id: author.id, title: "doomed", created_at: Time.now,
      updated_at: Time.now }
  end)
  Post.where(author_id: author.id).delete_all
  author.destroy!
end

# Requests of several users, one after another, on one connection

def requests(number, &block)
  no_sure_repeats(number, only: "requests", &block)
end

requests("N13, N14") { (1..N).each { |i| get("pages/page-#{i}") } }

requests("N13, N14, one user") do
  (1..N).each { |i| get("pages/page-#{i}", user: 3) }
end

requests("N13, N14, the same page") { N.times { get("posts/7", user: 3) } }

requests("N13, N14, post, author and tags") do
  (1..N).each { |i| get("posts/#{i}") }
end

requests("N13, N14, author and posts") do
  (1..N).each { |i| get("authors/#{i}") }
end

requests("N13, N14, a list, then its rows") do
  get("authors")
  (1..N).each { |i| get("authors/#{i}") }
end

requests("N13, N14, list, row, list, row") do
  (1..N).each do |i|
    get("posts?page=#{i % 5}")
    get("posts/#{i}")
  end
end

requests("N13, N14, each writes") { N.times { get("visit") } }

requests("N13, N14, each counts up") do
  (1..N).each { |i| get("posts/#{i}/like") }
end

requests("N13, N14, nobody logged in") do
  (1..N).each { |i| get("api/post/#{i}") }
end

requests("N13, N14, in no order") do
  random = Random.new(5)
  80.times do
    i = random.rand(1..39)
    get(["pages/page-#{i}", "posts/#{i}", "posts?page=#{i % 6}",
         "authors/#{i}", "authors", "posts/#{i}/like", "visit",
         "api/post/#{i}", "api/posts_of/#{i}"].sample(random: random))
  end
end
