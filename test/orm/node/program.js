// Runs cases through node-postgres: see ../programs.py for how it is told to.
//
// Arguments: the database, and what sends the cases:
//
//     pg               the driver alone, statements unnamed
//     pg prepared      the same with named prepared statements
//     sequelize        Sequelize on it
//     sql WAY          the statements of ../cases_sql.py on one of these

'use strict';

const readline = require('node:readline');

const [database, ...words] = process.argv.slice(2);
const sql = words[0] === 'sql';
const [way, option] = sql ? words.slice(1) : words;
const client = require(`./${way}.js`);

const connection = {
  host: process.env.PGHOST,
  port: Number(process.env.PGPORT),
  user: 'app',
  database,
};

function answer(value) {
  process.stdout.write(JSON.stringify(value) + '\n');
}

const lines = () => readline.createInterface(process.stdin);

async function sendStatements() {
  let open;
  for await (const line of lines()) {
    const question = JSON.parse(line);
    try {
      if (question === null) {
        await open.close();
        open = undefined;
        answer(null);
      } else if (!open) {
        open = client.open({ ...connection, application_name: question[1] },
          option);
        answer(null);
      } else {
        const [statement, ...values] = question;
        answer(await open.rows(statement, values));
      }
    } catch (error) {
      answer(`${error.message}\n${error.stack}`);
    }
  }
}

async function main() {
  await client.createTables(connection);
  answer(client.cases.map(({ number, modes, expected }) =>
    [number, modes, expected]));
  for await (const line of lines()) {
    const [number, mode, applicationName] = JSON.parse(line);
    try {
      await client.run(client.cases[number], mode,
        { ...connection, application_name: applicationName }, option);
      answer(null);
    } catch (error) {
      answer(`${error.message}\n${error.stack}`);
    }
  }
}

if (sql)
  sendStatements();
else
  main();
