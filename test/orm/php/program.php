<?php
/*
 * Sends the statements of cases_sql.py through PDO: see ../programs.py for how
 * it is told to.
 *
 * Arguments: the database, "sql", and how values are sent:
 *
 *     (nothing)   apart from the statement, which is prepared each time
 *     emulated    written into the statement by PDO
 */

error_reporting(E_ALL);

[, $database] = $argv;
$emulated = in_array('emulated', $argv);
$pdo = null;

function connect(string $database, string $application_name): PDO
{
    global $emulated;

    return new PDO(
        sprintf(
            "pgsql:host=%s;port=%s;dbname=%s;user=app;application_name='%s'",
            getenv('PGHOST'), getenv('PGPORT'), $database, $application_name),
        null, null,
        [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
         PDO::ATTR_EMULATE_PREPARES => $emulated]);
}

/* Arrays as PostgreSQL writes them */
function as_parameter(mixed $value): mixed
{
    return is_array($value) ? '{' . implode(',', $value) . '}' : $value;
}

function rows(PDO $pdo, array $question): array
{
    [$statement, $values] = [$question[0], array_slice($question, 1)];

    if ($values === []) {
        return $pdo->query($statement)->fetchAll(PDO::FETCH_NUM);
    }
    $prepared = $pdo->prepare(str_replace('%s', '?', $statement));
    foreach ($values as $i => $value) {
        $prepared->bindValue(
            $i + 1, as_parameter($value),
            is_int($value) ? PDO::PARAM_INT : PDO::PARAM_STR);
    }
    $prepared->execute();
    return $prepared->columnCount() ? $prepared->fetchAll(PDO::FETCH_NUM) : [];
}

while (($line = fgets(STDIN)) !== false) {
    $question = json_decode($line, true);
    try {
        if ($question === null) {
            $pdo = $answer = null;
        } elseif ($pdo === null) {
            $pdo = connect($database, $question[1]);
            $answer = null;
        } else {
            $answer = rows($pdo, $question);
        }
    } catch (PDOException $error) {
        $answer = $error->getMessage();
    }
    echo json_encode($answer), "\n";
}
