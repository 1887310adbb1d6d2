// Runs statements by node-postgres: a JSON {text, values} per line in, rows or
// an error out, every value as the server wrote it.
const { Client } = require("pg");
const readline = require("readline");

async function main() {
  const parameters = Object.fromEntries(
    process.argv[2].split(" ").map((part) => part.split("=")));
  const client = new Client({ host: parameters.host, port: parameters.port,
    user: parameters.user, database: parameters.dbname,
    application_name: parameters.application_name });
  await client.connect();
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { text, values } = JSON.parse(line);
    try {
      const result = await client.query({ text, values, rowMode: "array",
        types: { getTypeParser: () => (value) => value } });
      console.log(JSON.stringify({ rows: result.rows || [] }));
    } catch (error) {
      console.log(JSON.stringify({ error: error.message }));
    }
  }
  await client.end();
}

main();
