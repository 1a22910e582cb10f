package schema

import "fmt"

// Verb says what a statement does.
type Verb uint8

// The verbs. Unknown is never returned without an error.
const (
	Unknown Verb = iota
	Empty        // nothing, or comments only

	CreateDatabase
	AlterDatabase
	DropDatabase

	CreateTable
	CreateTableLike
	CreateTableSelect
	AlterTable
	DropTable
	RenameTable
	TruncateTable
	CreateIndex
	DropIndex
	ImportTable

	CreateView
	AlterView
	DropView
	CreateTrigger
	DropTrigger
	CreateProcedure
	AlterProcedure
	DropProcedure
	CreateFunction
	AlterFunction
	DropFunction // of a stored or of a loadable function: the statement does not tell
	CreateEvent
	AlterEvent
	DropEvent
	CreateSequence
	AlterSequence
	DropSequence
	CreatePackage
	CreatePackageBody
	AlterPackage
	DropPackage
	DropPackageBody
	CreateLibrary
	AlterLibrary
	DropLibrary

	CreateUDF
	CreateServer
	AlterServer
	DropServer
	CreateTablespace
	AlterTablespace
	DropTablespace
	CreateLogfileGroup
	AlterLogfileGroup
	DropLogfileGroup
	CreateSRS
	DropSRS
	CreateResourceGroup
	AlterResourceGroup
	DropResourceGroup
	InstallPlugin
	UninstallPlugin
	InstallComponent
	UninstallComponent

	Begin
	Commit
	Rollback
	Savepoint
	RollbackTo
	ReleaseSavepoint
	XAStart
	XAEnd
	XAPrepare
	XACommit
	XARollback
	XARecover

	Insert
	Replace
	Update
	Delete
	LoadData
	Call
	Do
	Select
	Handler
	Compound // BEGIN NOT ATOMIC and other blocks outside routines

	CreateUser
	AlterUser
	DropUser
	RenameUser
	CreateRole
	DropRole
	Grant
	Revoke
	SetPassword
	SetRole

	Set
	Use
	LockTables
	UnlockTables
	Flush
	AnalyzeTable
	OptimizeTable
	RepairTable
	CheckTable
	ChecksumTable
	CacheIndex
	Prepare
	Execute
	DropPrepared
	Kill
	Show
	Explain
	Replication // CHANGE MASTER, START REPLICA, RESET …, PURGE BINARY LOGS
	Binlog      // BINLOG '…', as mysqlbinlog prints row events
	Admin       // ALTER INSTANCE, SHUTDOWN, CLONE, BACKUP STAGE and the like
	Signal
)

type class uint16

const (
	ddl class = 1 << iota
	table
	routine
	global
	dml
	transaction
	account
	session
)

var verbs = [...]struct {
	name  string
	class class
}{
	Unknown: {"unknown", 0},
	Empty:   {"empty", 0},

	CreateDatabase: {"CREATE DATABASE", ddl},
	AlterDatabase:  {"ALTER DATABASE", ddl},
	DropDatabase:   {"DROP DATABASE", ddl | table},

	CreateTable:       {"CREATE TABLE", ddl | table},
	CreateTableLike:   {"CREATE TABLE LIKE", ddl | table},
	CreateTableSelect: {"CREATE TABLE SELECT", ddl | table},
	AlterTable:        {"ALTER TABLE", ddl | table},
	DropTable:         {"DROP TABLE", ddl | table},
	RenameTable:       {"RENAME TABLE", ddl | table},
	TruncateTable:     {"TRUNCATE TABLE", ddl | table},
	CreateIndex:       {"CREATE INDEX", ddl | table},
	DropIndex:         {"DROP INDEX", ddl | table},
	ImportTable:       {"IMPORT TABLE", ddl | table},

	CreateView:        {"CREATE VIEW", ddl | routine},
	AlterView:         {"ALTER VIEW", ddl | routine},
	DropView:          {"DROP VIEW", ddl | routine},
	CreateTrigger:     {"CREATE TRIGGER", ddl | routine},
	DropTrigger:       {"DROP TRIGGER", ddl | routine},
	CreateProcedure:   {"CREATE PROCEDURE", ddl | routine},
	AlterProcedure:    {"ALTER PROCEDURE", ddl | routine},
	DropProcedure:     {"DROP PROCEDURE", ddl | routine},
	CreateFunction:    {"CREATE FUNCTION", ddl | routine},
	AlterFunction:     {"ALTER FUNCTION", ddl | routine},
	DropFunction:      {"DROP FUNCTION", ddl | routine},
	CreateEvent:       {"CREATE EVENT", ddl | routine},
	AlterEvent:        {"ALTER EVENT", ddl | routine},
	DropEvent:         {"DROP EVENT", ddl | routine},
	CreateSequence:    {"CREATE SEQUENCE", ddl | table},
	AlterSequence:     {"ALTER SEQUENCE", ddl | table},
	DropSequence:      {"DROP SEQUENCE", ddl | table},
	CreatePackage:     {"CREATE PACKAGE", ddl | routine},
	CreatePackageBody: {"CREATE PACKAGE BODY", ddl | routine},
	AlterPackage:      {"ALTER PACKAGE", ddl | routine},
	DropPackage:       {"DROP PACKAGE", ddl | routine},
	DropPackageBody:   {"DROP PACKAGE BODY", ddl | routine},
	CreateLibrary:     {"CREATE LIBRARY", ddl | routine},
	AlterLibrary:      {"ALTER LIBRARY", ddl | routine},
	DropLibrary:       {"DROP LIBRARY", ddl | routine},

	CreateUDF:           {"CREATE FUNCTION SONAME", global},
	CreateServer:        {"CREATE SERVER", global},
	AlterServer:         {"ALTER SERVER", global},
	DropServer:          {"DROP SERVER", global},
	CreateTablespace:    {"CREATE TABLESPACE", global},
	AlterTablespace:     {"ALTER TABLESPACE", global},
	DropTablespace:      {"DROP TABLESPACE", global},
	CreateLogfileGroup:  {"CREATE LOGFILE GROUP", global},
	AlterLogfileGroup:   {"ALTER LOGFILE GROUP", global},
	DropLogfileGroup:    {"DROP LOGFILE GROUP", global},
	CreateSRS:           {"CREATE SPATIAL REFERENCE SYSTEM", global},
	DropSRS:             {"DROP SPATIAL REFERENCE SYSTEM", global},
	CreateResourceGroup: {"CREATE RESOURCE GROUP", global},
	AlterResourceGroup:  {"ALTER RESOURCE GROUP", global},
	DropResourceGroup:   {"DROP RESOURCE GROUP", global},
	InstallPlugin:       {"INSTALL PLUGIN", global},
	UninstallPlugin:     {"UNINSTALL PLUGIN", global},
	InstallComponent:    {"INSTALL COMPONENT", global},
	UninstallComponent:  {"UNINSTALL COMPONENT", global},

	Begin:            {"BEGIN", transaction},
	Commit:           {"COMMIT", transaction},
	Rollback:         {"ROLLBACK", transaction},
	Savepoint:        {"SAVEPOINT", transaction},
	RollbackTo:       {"ROLLBACK TO SAVEPOINT", transaction},
	ReleaseSavepoint: {"RELEASE SAVEPOINT", transaction},
	XAStart:          {"XA START", transaction},
	XAEnd:            {"XA END", transaction},
	XAPrepare:        {"XA PREPARE", transaction},
	XACommit:         {"XA COMMIT", transaction},
	XARollback:       {"XA ROLLBACK", transaction},
	XARecover:        {"XA RECOVER", session},

	Insert:   {"INSERT", dml},
	Replace:  {"REPLACE", dml},
	Update:   {"UPDATE", dml},
	Delete:   {"DELETE", dml},
	LoadData: {"LOAD DATA", dml},
	Call:     {"CALL", dml},
	Do:       {"DO", dml},
	Select:   {"SELECT", dml}, // logged when it calls a function that changes data
	Handler:  {"HANDLER", session},
	Compound: {"compound statement", dml},

	CreateUser:  {"CREATE USER", account},
	AlterUser:   {"ALTER USER", account},
	DropUser:    {"DROP USER", account},
	RenameUser:  {"RENAME USER", account},
	CreateRole:  {"CREATE ROLE", account},
	DropRole:    {"DROP ROLE", account},
	Grant:       {"GRANT", account},
	Revoke:      {"REVOKE", account},
	SetPassword: {"SET PASSWORD", account},
	SetRole:     {"SET ROLE", account},

	Set:           {"SET", session},
	Use:           {"USE", session},
	LockTables:    {"LOCK TABLES", session},
	UnlockTables:  {"UNLOCK TABLES", session},
	Flush:         {"FLUSH", session},
	AnalyzeTable:  {"ANALYZE TABLE", session},
	OptimizeTable: {"OPTIMIZE TABLE", session},
	RepairTable:   {"REPAIR TABLE", session},
	CheckTable:    {"CHECK TABLE", session},
	ChecksumTable: {"CHECKSUM TABLE", session},
	CacheIndex:    {"CACHE INDEX", session},
	Prepare:       {"PREPARE", session},
	Execute:       {"EXECUTE", session},
	DropPrepared:  {"DEALLOCATE PREPARE", session},
	Kill:          {"KILL", session},
	Show:          {"SHOW", session},
	Explain:       {"EXPLAIN", session},
	Replication:   {"replication command", session},
	Binlog:        {"BINLOG", session},
	Admin:         {"administrative command", session},
	Signal:        {"SIGNAL", session},
}

func (v Verb) String() string {
	if int(v) < len(verbs) {
		return verbs[v].name
	}
	return fmt.Sprintf("Verb(%d)", uint8(v))
}

func (v Verb) is(c class) bool { return int(v) < len(verbs) && verbs[v].class&c != 0 }

// IsDDL reports whether the statement changes a database's definitions:
// databases, tables (TRUNCATE included), sequences, views and stored programs.
func (v Verb) IsDDL() bool { return v.is(ddl) }

// IsTableDDL reports whether it creates, changes or removes tables or sequences.
func (v Verb) IsTableDDL() bool { return v.is(table) }

// IsProgramDDL reports whether it is about views, triggers, routines or
// events: objects with a body, and no rows.
func (v Verb) IsProgramDDL() bool { return v.is(routine) }

// IsGlobal reports whether it defines something that belongs to the server and
// to no database: tablespaces, loadable functions, servers, plugins.
func (v Verb) IsGlobal() bool { return v.is(global) }

// IsDML reports whether it may change rows, without changing definitions.
// A CALL, DO or SELECT does so through what it calls.
func (v Verb) IsDML() bool { return v.is(dml) }

// IsTransactionControl reports whether it begins, ends or divides a transaction.
func (v Verb) IsTransactionControl() bool { return v.is(transaction) }

// IsAccount reports whether it is about accounts, roles and privileges.
func (v Verb) IsAccount() bool { return v.is(account) }

// IsSession reports whether it changes neither rows nor definitions.
func (v Verb) IsSession() bool { return v.is(session) }
