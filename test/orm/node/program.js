// Runs cases through node-postgres: see ../programs.py for how it is told to.
//
// Arguments: the database, and what sends the cases:
//
//     pg               the driver alone, statements unnamed
//     pg prepared      the same with named prepared statements
//     sequelize        Sequelize on it

'use strict';

const readline = require('node:readline');

const [database, way, option] = process.argv.slice(2);
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

async function main() {
  await client.createTables(connection);
  answer(client.cases.map(({ number, modes, expected }) =>
    [number, modes, expected]));
  for await (const line of readline.createInterface(process.stdin)) {
    const [number, mode, applicationName] = JSON.parse(line);
    try {
      await client.run(client.cases[number], mode,
        { ...connection, application_name: applicationName }, option);
      answer(null);
    } catch (error) {
      answer(error.stack);
    }
  }
}

main();
