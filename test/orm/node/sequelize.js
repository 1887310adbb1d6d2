// Cases as Sequelize sends them.

'use strict';

const { DataTypes, Op, Sequelize } = require('sequelize');
const {
  SEVERAL, ANY, register, nPlusOne, lookup, duplicate, rowByRow, deepOffset,
} = require('./registry');

const { cases, repeats, noRepeats, noSureRepeats } = register();
const N = 20;

// The models, on a connection
function define(connection) {
  const sequelize = new Sequelize({
    ...connection,
    username: connection.user,
    dialect: 'postgres',
    logging: false,
    pool: { max: 1 },
    dialectOptions: { application_name: connection.application_name },
    define: { timestamps: false },
  });
  const text = DataTypes.TEXT;
  const uuid = {
    type: DataTypes.UUID, primaryKey: true, defaultValue: DataTypes.UUIDV4,
  };
  const Author = sequelize.define('Author', { name: text });
  const Profile = sequelize.define('Profile', { motto: text });
  const Tag = sequelize.define('Tag', { name: { type: text, unique: true } });
  const Post = sequelize.define('Post', {
    title: text, body: text,
    views: { type: DataTypes.INTEGER, defaultValue: 0 },
  }, { timestamps: true, paranoid: true, version: true });
  const Note = sequelize.define('Note', {
    targetType: text, targetId: DataTypes.INTEGER, body: text,
  });
  const Folder = sequelize.define('Folder', { name: text });
  const Publisher = sequelize.define('Publisher', { name: text });
  const Book = sequelize.define('Book', { title: text });
  const Address = sequelize.define('Address', { town: text });
  const Member = sequelize.define('Member', { name: text });
  const Order = sequelize.define('Order', { total: DataTypes.INTEGER });
  const Product = sequelize.define('Product', { id: uuid, name: text });
  const OrderLine = sequelize.define('OrderLine', {
    quantity: DataTypes.INTEGER,
  });
  const Document = sequelize.define('Document', {
    id: uuid, title: text, body: text,
  });
  const Item = sequelize.define('Item', { label: text });
  const User = sequelize.define('User', { name: text });
  const Session = sequelize.define('Session', {
    token: { type: text, primaryKey: true },
  });
  const Page = sequelize.define('Page', {
    slug: { type: text, unique: true }, body: text,
  });
  const Setting = sequelize.define('Setting', {
    name: { type: text, primaryKey: true }, value: text,
  });
  const Entry = sequelize.define('Entry', {
    label: text, amount: DataTypes.INTEGER,
  });
  const Job = sequelize.define('Job', { state: text });

  Author.hasMany(Post, { as: 'posts', foreignKey: 'authorId' });
  Post.belongsTo(Author, { as: 'author', foreignKey: 'authorId' });
  Author.hasOne(Profile, { as: 'profile', foreignKey: 'authorId' });
  Profile.belongsTo(Author, { as: 'author', foreignKey: 'authorId' });
  Post.belongsToMany(Tag, { through: 'PostTags', as: 'tags' });
  Tag.belongsToMany(Post, { through: 'PostTags', as: 'posts' });
  Author.hasMany(Note, {
    as: 'notes', foreignKey: 'targetId', constraints: false,
    scope: { targetType: 'Author' },
  });
  Folder.hasMany(Folder, { as: 'children', foreignKey: 'parentId' });
  Folder.belongsTo(Folder, { as: 'parent', foreignKey: 'parentId' });
  Book.belongsTo(Author, { as: 'author' });
  Book.belongsTo(Publisher, { as: 'publisher' });
  Member.belongsTo(Address, { as: 'address' });
  Order.belongsTo(Member, { as: 'member' });
  Order.hasMany(OrderLine, { as: 'lines' });
  OrderLine.belongsTo(Order);
  OrderLine.belongsTo(Product, { as: 'product' });
  Session.belongsTo(User, { as: 'user' });
  return sequelize;
}

async function createTables(connection) {
  const sequelize = define(connection);
  const {
    Author, Profile, Tag, Post, Note, Folder, Publisher, Book, Address, Member,
    Order, Product, OrderLine, Document, Item, User, Session, Page, Setting,
    Job, PostTags,
  } = sequelize.models;
  const rows = (model, count, row) =>
    model.bulkCreate(Array.from({ length: count }, (_, i) => row(i)));

  await sequelize.sync();
  await rows(User, 40, (i) => ({ name: `User ${i}` }));
  await rows(Session, 40, (i) => ({ token: `token-${i}`, userId: i + 1 }));
  await rows(Author, 40, (i) => ({ name: `Author ${i}` }));
  await rows(Profile, 40, (i) => ({ authorId: i + 1, motto: 'Motto' }));
  await rows(Tag, 30, (i) => ({ name: `tag ${i}` }));
  await rows(Post, 120, (i) => ({
    authorId: i % 40 + 1, title: `Post ${i}`, body: 'Text. '.repeat(50),
  }));
  await rows(PostTags, 360, (i) => ({
    PostId: Math.floor(i / 3) + 1,
    TagId: (Math.floor(i / 3) + [1, 7, 11][i % 3]) % 30 + 1,
  }));
  await rows(Note, 40, (i) => ({
    targetType: 'Author', targetId: i + 1, body: 'Note',
  }));
  await rows(Folder, 20, (i) => ({ name: `Root ${i}` }));
  await rows(Folder, 60, (i) => ({
    name: `Folder ${i}`, parentId: i % 20 + 1,
  }));
  await rows(Publisher, 40, (i) => ({ name: `Publisher ${i}` }));
  await rows(Book, 80, (i) => ({
    authorId: i % 40 + 1, publisherId: 40 - i % 40, title: `Book ${i}`,
  }));
  await rows(Address, 60, (i) => ({ town: `Town ${i}` }));
  await rows(Member, 60, (i) => ({ name: `Member ${i}`, addressId: 60 - i }));
  await rows(Order, 120, (i) => ({ memberId: i * 7 % 60 + 1, total: i }));
  const products = await rows(Product, 30, (i) => ({ name: `Product ${i}` }));
  await rows(OrderLine, 360, (i) => ({
    OrderId: Math.floor(i / 3) + 1, productId: products[i * 7 % 30].id,
    quantity: 1,
  }));
  await rows(Document, 60, (i) => ({ title: `Document ${i}`, body: 'Text' }));
  await rows(Item, 6000, (i) => ({ label: `Item ${i}` }));
  await rows(Page, 40, (i) => ({ slug: `page-${i}`, body: 'Page' }));
  await rows(Setting, 1, () => ({ name: 'theme', value: 'dark' }));
  await rows(Job, 2000, () => ({ state: 'waiting' }));
  await sequelize.close();
}

// A case gets the models, and what each call in its transaction needs
async function run({ run: work }, mode, connection) {
  const sequelize = define(connection);
  try {
    if (mode === 'T')
      await sequelize.transaction((transaction) =>
        work({ sequelize, ...sequelize.models, t: { transaction } }));
    else
      await work({ sequelize, ...sequelize.models, t: {} });
  } finally {
    await sequelize.close();
  }
}

// For statements of ../cases_sql.py
function open(connection) {
  const sequelize = define(connection);
  const array = (value) =>
    Array.isArray(value) ? `{${value.join(',')}}` : value;
  return {
    async rows(statement, values) {
      const [rows] = values.length === 0 ?
        await sequelize.query(statement) :
        await sequelize.query(statement.replace(/%s/g, '?'),
          { replacements: values.map(array) });
      return Array.isArray(rows) ? rows.map(Object.values) : [];
    },
    close: () => sequelize.close(),
  };
}

async function each(rows, work) {
  for (const row of rows)
    await work(row);
}

const numbers = (count, from = 1) =>
  Array.from({ length: count }, (_, i) => from + i);
const first = (model, t, options = {}) =>
  model.findAll({ order: ['id'], limit: N, ...options, ...t });

let unique = 0;

// ---- must be found --------------------------------------------------------

const P1 = nPlusOne('many_to_one', 'Authors', 'Posts');
const P2 = nPlusOne('one_to_many', 'Posts', 'Authors');

repeats('P1, P3, P20', P1, async ({ Post, t }) => {
  await each(await first(Post, t), (post) => post.getAuthor(t));
});

async function authorsWithPosts({ Author, t }) {
  await each(await first(Author, t), (author) => author.getPosts(t));
}

repeats('P2, P4', P2, authorsWithPosts);

repeats('P2, all at once', P2, async ({ Author, t }) => {
  await Promise.all((await first(Author, t)).map((author) =>
    author.getPosts(t)));
});

repeats('P5', nPlusOne('one_to_many', 'Profiles', 'Authors'),
  async ({ Author, t }) => {
    await each(await first(Author, t), (author) => author.getProfile(t));
  });

repeats('P6', nPlusOne('many_to_many', 'Tags AS Tag INNER JOIN PostTags',
  'Posts'), async ({ Post, t }) => {
  await each(await first(Post, t), (post) => post.getTags(t));
});

repeats('P7', nPlusOne('one_to_many', 'Folders', 'Folders'),
  async ({ Folder, t }) => {
    await each(await first(Folder, t, { where: { parentId: null } }),
      (folder) => folder.getChildren(t));
  });

repeats('P8', nPlusOne('any', 'Notes', 'Authors', 20,
  { T: SEVERAL, A: ANY }), async ({ Author, t }) => {
  await each(await first(Author, t), (author) => author.getNotes(t));
});

repeats('P9', nPlusOne('count_or_exists', 'Posts', 'Authors'),
  async ({ Author, t }) => {
    await each(await first(Author, t), (author) => author.countPosts(t));
  });

repeats('P9, sums', nPlusOne('any', 'Posts', 'Authors'),
  async ({ Author, Post, t }) => {
    await each(await first(Author, t), (author) =>
      Post.sum('views', { where: { authorId: author.id }, ...t }));
  });

repeats('P11', P2, async ({ Author, Post, t }) => {
  await each(await first(Author, t), (author) => Post.findOne({
    where: { authorId: author.id }, order: [['id', 'DESC']], ...t,
  }));
});

// (in autocommit a list and requests for what is in it look the same)
repeats('P13', nPlusOne('deferred_column', 'Documents', 'Documents', 20,
  { A: ANY }), async ({ Document, t }) => {
  await each(await Document.findAll(
    { attributes: ['id', 'title'], limit: N, ...t }),
  (document) => document.reload({ attributes: ['id', 'body'], ...t }));
});

repeats('P14', lookup('Authors'), async ({ Author, t }) => {
  await each(numbers(N, 3), (id) => Author.findByPk(id, t));
});

repeats('P15', [nPlusOne('many_to_one', 'Authors', 'Books'),
  nPlusOne('many_to_one', 'Publishers', 'Books')], async ({ Book, t }) => {
  await each(await first(Book, t), async (book) => {
    await book.getAuthor(t);
    await book.getPublisher(t);
  });
});

repeats('P16', [nPlusOne('many_to_one', 'Members', 'Orders'),
  nPlusOne('many_to_one', 'Addresses', null)], async ({ Order, t }) => {
  await each(await first(Order, t), async (order) =>
    (await order.getMember(t)).getAddress(t));
});

repeats('P16, to many', [nPlusOne('one_to_many', 'OrderLines', 'Orders'),
  nPlusOne('many_to_one', 'Products', null, 60)], async ({ Order, t }) => {
  await each(await first(Order, t), async (order) =>
    each(await order.getLines(t), (line) => line.getProduct(t)));
});

repeats('P19', P2, async ({ Author, Post, t }) => {
  await each(await first(Author, t), (author) =>
    Post.findAll({ where: { authorId: [author.id] }, ...t }));
});

repeats('P23, P24', rowByRow('insert', 'Entries'), async ({ Entry, t }) => {
  await each(numbers(N), (i) =>
    Entry.create({ label: 'entry', amount: i }, t));
});

repeats('P25', rowByRow('update', 'Posts'), async ({ Post, t }) => {
  await each(await first(Post, t), (post) => {
    post.title += '\'';
    return post.save(t);
  });
});

repeats('P25, counted up', rowByRow('update', 'Posts'),
  async ({ Post, t }) => {
    await each(await first(Post, t), (post) => post.increment('views', t));
  });

repeats('P26', rowByRow('delete', 'Entries'), async ({ Entry, t }) => {
  const label = `doomed ${++unique}`;
  await Entry.bulkCreate(numbers(N).map((amount) => ({ label, amount })), t);
  await each(await Entry.findAll({ where: { label }, ...t }),
    (entry) => entry.destroy(t));
});

repeats('P27', [rowByRow('insert', 'Entries'), lookup('Entries')],
  async ({ Entry, t }) => {
    await each(numbers(N), async () => {
      const label = `unique ${++unique}`;
      if (await Entry.findOne({ where: { label }, ...t }) === null)
        await Entry.create({ label }, t);
    });
  }, 'T');

repeats('P28', duplicate('Settings'), async ({ Setting, t }) => {
  await each(numbers(N), () => Setting.findByPk('theme', t));
});

repeats('P29', deepOffset('Items'), async ({ Item, t }) => {
  await each(numbers(51, 0), (page) => Item.findAll(
    { order: ['label'], limit: 100, offset: page * 100, ...t }));
});

repeats('P30', [rowByRow('insert', 'Entries'), P2], async (models) => {
  await each(numbers(N), (i) =>
    models.Entry.create({ label: 'fixture', amount: i }, models.t));
  await authorsWithPosts(models);
}, 'T');

repeats('P31', [lookup('Posts'), rowByRow('update', 'Posts')],
  async ({ Post, t }) => {
    await each(numbers(N), async (id) => {
      const post = await Post.findByPk(id, t);
      post.title += '\'';
      await post.save(t);
    });
  }, 'T');

// ---- must not be called a repeat ------------------------------------------

noRepeats('N1', async ({ Author, t }) => {
  await first(Author, t, { include: ['posts', 'profile'] });
});

noRepeats('N2', async ({ Author, t }) => {
  await first(Author, t,
    { include: [{ association: 'posts', separate: true }] });
});

noRepeats('N3', async ({ Item, t }) => {
  await each(numbers(5, 0), (chunk) => Item.findAll(
    { where: { id: numbers(500, chunk * 500 + 1) }, ...t }));
});

noRepeats('N5', async ({ Item, t }) => {
  let last = 0;
  await each(numbers(N), async () => {
    const items = await Item.findAll({
      where: { id: { [Op.gt]: last } }, order: ['id'], limit: 100, ...t,
    });
    last = items[items.length - 1].id;
  });
});

noRepeats('N8', async ({ Entry, t }) => {
  await each(numbers(10), () => Entry.bulkCreate(
    numbers(50).map((amount) => ({ label: 'chunk', amount })), t));
});

noRepeats('N11', async ({ Author, t }) => {
  await each([1, 2], async () => (await Author.findByPk(7, t)).getPosts(t));
});

async function requests({ sequelize, Session, Page }, atomic) {
  await each(numbers(N), async (i) => {
    const work = async (transaction) => {
      const session = await Session.findByPk(`token-${i}`, { transaction });
      await session.getUser({ transaction });
      await Page.findOne({ where: { slug: `page-${i}` }, transaction });
    };
    await (atomic ? sequelize.transaction(work) : work());
  });
}

noSureRepeats('N13', (models) => requests(models, true), 'A');
noSureRepeats('N14', (models) => requests(models, false), 'A');

noSureRepeats('N14, post, author and tags', async ({ Session, Post }) => {
  await each(numbers(N), async (i) => {
    await Session.findByPk('token-3', { include: 'user' });
    const post = await Post.findByPk(i);
    await post.getAuthor();
    await post.getTags();
  });
}, 'A');

noSureRepeats('N14, a list, then its rows', async ({ Author }) => {
  await Author.findAll({ limit: 30 });
  await each(numbers(N), async (i) => {
    const author = await Author.findByPk(i);
    await author.getPosts();
  });
}, 'A');

noSureRepeats('N14, pages with their count', async ({ Session, Post }) => {
  await each(numbers(N), async (i) => {
    await Session.findByPk(`token-${i}`, { include: 'user' });
    await Post.findAndCountAll({
      order: ['id'], limit: 10, offset: (i % 6) * 10,
    });
  });
}, 'A');

noSureRepeats('N17', async ({ sequelize, Job }) => {
  await each(numbers(N), () => sequelize.transaction(async (transaction) => {
    const job = await Job.findOne({
      where: { state: 'waiting' }, order: ['id'], transaction, lock: true,
      skipLocked: true,
    });
    await job.update({ state: 'done' }, { transaction });
  }));
}, 'A');

noRepeats('N19', async ({ Post, t }) => {
  const post = await Post.findByPk(1, t);
  await each([1, 2, 3], async () => {
    await post.increment('views', t);
    await post.reload(t);
  });
});

noRepeats('N24', async ({ sequelize, t }) => {
  const schema = sequelize.getQueryInterface();
  await each(await schema.showAllTables(t), async (table) => {
    await schema.describeTable(table, t);
    await schema.showIndex(table, t);
    await schema.getForeignKeyReferencesForTable(table, t);
  });
});

noRepeats('N32', async ({ Page, t }) => {
  await each([1, 2, 3], (id) => Page.findByPk(id, t));
});

// ---- what applications do -------------------------------------------------

repeats('flow, softly deleted one by one', rowByRow('update', 'Posts'),
  async ({ sequelize, Post, t }) => {
    await each(await Post.findAll(
      { order: [['id', 'DESC']], limit: N, ...t }),
    (post) => post.destroy(t));
    await Post.restore(t);
  });

repeats('flow, is each tagged so?',
  nPlusOne('any', 'Tags AS Tag INNER JOIN PostTags', 'Posts'),
  async ({ Post, Tag, t }) => {
    const tag = await Tag.findByPk(3, t);
    await each(await first(Post, t), (post) => post.hasTag(tag, t));
  });

// (the row is written by a function that Sequelize makes for it)
repeats('flow, find or create', lookup('Tags'),
  async ({ Tag, t }) => {
    await each(numbers(N), () => Tag.findOrCreate(
      { where: { name: `unique ${++unique}` }, ...t }));
  }, 'T');

noRepeats('flow, what was included, serialized', async ({ Order, t }) => {
  const orders = await first(Order, t, {
    include: ['member', { association: 'lines', include: 'product' }],
  });
  orders.map((order) => order.toJSON());
});

noRepeats('flow, a batch job by key', async ({ Item, t }) => {
  let last = 0;
  await each(numbers(10), async () => {
    const items = await Item.findAll({
      where: { id: { [Op.gt]: last } }, order: ['id'], limit: 50, ...t,
    });
    last = items[items.length - 1].id;
    await Item.update({ label: 'done' },
      { where: { id: items.map(({ id }) => id) }, ...t });
  });
});

noSureRepeats('flow, a worker that finds nothing to do', async ({ Job }) => {
  await each(numbers(N), () => Job.findOne({ where: { state: 'failed' } }));
}, 'A');

module.exports = { cases, createTables, open, run };
