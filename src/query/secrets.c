/*-------------------------------------------------------------------------
 *
 * secrets.c
 *		Passwords and the like in the texts of utility statements.
 *
 * A secret is known by the node that holds it, and by the name of the option
 * or setting:
 *
 *	- the password of a role
 *	- the connection string of a subscription
 *	- every option of a foreign data wrapper, a server, a user mapping, a
 *	  foreign table or its columns, and of IMPORT FOREIGN SCHEMA: each wrapper
 *	  has names of its own for passwords, tokens and keys
 *	- the value of a setting whose name says that it is a connection string, a
 *	  command or a password, wherever a setting can be set
 *	- the command of COPY ... PROGRAM
 *
 * The parser keeps where the value of a setting begins, but of an option only
 * where its name is: its value is the next string constant.
 *
 * src/query/secrets.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"

#include "query/secrets.h"

const char *secrets_source = NULL;
int			secrets_kept_length = 0;

/* A setting with one of these words in its name holds a secret */
static const char *const secret_words[] = {
	"conninfo", "connection_string", "connstr", "dsn",
	"url", "_uri", "password", "passwd", "passphrase", "passfile", "pwd",
	"secret", "token", "credential", "jwt", "salt",
	"api_key", "apikey", "access_key", "private_key", "encryption_key",
	"archive_command", "restore_command", "archive_cleanup_command",
	"recovery_end_command"
};

static bool
has_word(const char *name, const char *word)
{
	Size		length = strlen(word);

	for (; *name != '\0'; name++)
	{
		if (pg_strncasecmp(name, word, length) == 0)
			return true;
	}
	return false;
}

static bool
is_secret_setting(const char *name)
{
	for (int i = 0; name != NULL && i < lengthof(secret_words); i++)
	{
		if (has_word(name, secret_words[i]))
			return true;
	}
	return false;
}

/* Of two places in a text, the first; -1 is none */
static inline int
first_of(int a, int b)
{
	if (a < 0 || b < 0)
		return Max(a, b);
	return Min(a, b);
}

/* Where a place that the parser may not have kept begins: the text, if not */
static inline int
known(int location)
{
	return Max(location, 0);
}

/* SET, in whatever statement; "location" is that of what holds it */
static int
location_of_set(const VariableSetStmt *set, int location)
{
	if (set == NULL || set->kind != VAR_SET_VALUE ||
		!is_secret_setting(set->name))
		return -1;
	if (set->args != NIL)
		location = Max(location, exprLocation(linitial(set->args)));
	return known(location);
}

/* The first of options with a value; only that of this name, unless NULL */
static int
location_of_option(List *options, const char *name)
{
	ListCell   *cell;
	int			location = -1;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (option->arg != NULL &&
			(name == NULL || strcmp(option->defname, name) == 0))
			location = first_of(location, known(option->location));
	}
	return location;
}

/* SET in the options of a function */
static int
location_of_function_set(List *options)
{
	ListCell   *cell;
	int			location = -1;

	foreach(cell, options)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (option->arg != NULL && IsA(option->arg, VariableSetStmt))
			location =
				first_of(location,
						 location_of_set((VariableSetStmt *) option->arg,
										 option->location));
	}
	return location;
}

static int
location_of_column_options(Node *element)
{
	if (element == NULL || !IsA(element, ColumnDef))
		return -1;
	return location_of_option(((ColumnDef *) element)->fdwoptions, NULL);
}

static int
location_in_foreign_table(const CreateForeignTableStmt * stmt)
{
	int			location = location_of_option(stmt->options, NULL);
	ListCell   *cell;

	foreach(cell, stmt->base.tableElts)
		location = first_of(location,
							location_of_column_options(lfirst(cell)));
	return location;
}

static int
location_in_alter_table(const AlterTableStmt * stmt)
{
	int			location = -1;
	ListCell   *cell;

	foreach(cell, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, cell);

		if (cmd->subtype == AT_GenericOptions ||
			cmd->subtype == AT_AlterColumnGenericOptions)
			location = first_of(location,
								location_of_option((List *) cmd->def, NULL));
		else
			location = first_of(location,
								location_of_column_options(cmd->def));
	}
	return location;
}

/* Statements that have options */
static int
location_of_options(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_CreateRoleStmt:
			return location_of_option(((CreateRoleStmt *) parsetree)->options,
									  "password");
		case T_AlterRoleStmt:
			return location_of_option(((AlterRoleStmt *) parsetree)->options,
									  "password");
		case T_CreateFdwStmt:
			return location_of_option(((CreateFdwStmt *) parsetree)->options,
									  NULL);
		case T_AlterFdwStmt:
			return location_of_option(((AlterFdwStmt *) parsetree)->options,
									  NULL);
		case T_CreateForeignServerStmt:
			return location_of_option(((CreateForeignServerStmt *) parsetree)->options,
									  NULL);
		case T_AlterForeignServerStmt:
			return location_of_option(((AlterForeignServerStmt *) parsetree)->options,
									  NULL);
		case T_CreateUserMappingStmt:
			return location_of_option(((CreateUserMappingStmt *) parsetree)->options,
									  NULL);
		case T_AlterUserMappingStmt:
			return location_of_option(((AlterUserMappingStmt *) parsetree)->options,
									  NULL);
		case T_ImportForeignSchemaStmt:
			return location_of_option(((ImportForeignSchemaStmt *) parsetree)->options,
									  NULL);
		case T_CreateForeignTableStmt:
			return location_in_foreign_table((CreateForeignTableStmt *) parsetree);
		case T_AlterTableStmt:
			return location_in_alter_table((AlterTableStmt *) parsetree);
		case T_CreateSubscriptionStmt:
			return ((CreateSubscriptionStmt *) parsetree)->conninfo ? 0 : -1;
		case T_AlterSubscriptionStmt:
			return ((AlterSubscriptionStmt *) parsetree)->conninfo ? 0 : -1;
		case T_CopyStmt:
			return ((CopyStmt *) parsetree)->is_program ? 0 : -1;
		default:
			return -1;
	}
}

/* Statements that set a setting */
static int
location_of_setting(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_VariableSetStmt:
			return location_of_set((VariableSetStmt *) parsetree, -1);
		case T_AlterSystemStmt:
			return location_of_set(((AlterSystemStmt *) parsetree)->setstmt, -1);
		case T_AlterRoleSetStmt:
			return location_of_set(((AlterRoleSetStmt *) parsetree)->setstmt, -1);
		case T_AlterDatabaseSetStmt:
			return location_of_set(((AlterDatabaseSetStmt *) parsetree)->setstmt, -1);
		case T_CreateFunctionStmt:
			return location_of_function_set(((CreateFunctionStmt *) parsetree)->options);
		case T_AlterFunctionStmt:
			return location_of_function_set(((AlterFunctionStmt *) parsetree)->actions);
		default:
			return -1;
	}
}

int
secrets_location(Node *parsetree, bool *is_value)
{
	switch (nodeTag(parsetree))
	{
		case T_VariableSetStmt:
		case T_AlterSystemStmt:
		case T_AlterRoleSetStmt:
		case T_AlterDatabaseSetStmt:
		case T_CreateFunctionStmt:
		case T_AlterFunctionStmt:
			*is_value = true;
			return location_of_setting(parsetree);
		default:
			*is_value = false;
			return location_of_options(parsetree);
	}
}
