package oracle

import (
	"fmt"
	"strings"
	"testing"
)

// sentence is a part of what was asked of the proof, with who holds it: names of cases, and of tests with their package.
type sentence struct {
	says  string
	cases string
	tests string
}

func sentences() []sentence {
	return []sentence{
		{"A harness runs a workload, backs up, wipes, restores by each route and compares every value in hexadecimal and every definition", "", "internal/oracle.TestCases"},
		{"Routes: fresh target, base loaded, serial lane, other memory, other workers, resumed half-way, merged, without a server", "", "internal/oracle.TestCases"},
		{"The server's own tool beside it; a disagreement is explained in the case", "", "internal/oracle.TestCases internal/soak.TestServersOwn"},
		{"One case for each hazard; a table maps hazards to cases and servers", "", "internal/oracle.TestCorrectnessPage"},
		{"Every integer width, signed and not", "types-integer", ""},
		{"DECIMAL(65,30), FLOAT, DOUBLE, denormal and -0, BIT(1..64)", "types-number", ""},
		{"Temporal types with 0–6 digits, zero and invalid dates, negative and long TIME, YEAR", "types-time", ""},
		{"CHAR, VARCHAR, TEXT and BLOB of each size, BINARY with trailing zeros", "types-text", ""},
		{"ENUM and SET with 1, 255, 256 and 64 members", "types-enum enum-set-members enum-set-defaults enum-empty-member", ""},
		{"JSON of every kind, opaque values, deep nesting, partial updates", "json json-partial", "internal/value.TestJSONLiteral internal/value.TestJSONChanges"},
		{"GEOMETRY and VECTOR", "geometry types-vector", ""},
		{"MariaDB's UUID, INET4/6 (as keys, too) and COMPRESSED columns (no key can hold one)", "types-mariadb", ""},
		{"MariaDB's sequences and system-versioned tables", "sequences sequence-altered sequences-left-out system-versioned system-versioned-later", ""},
		{"Types as keys, as values, NULL and default", "types-default collation-keys collation-keys-0900 nopad-char-keys", ""},
		{"Character sets under several collations", "charsets charsets-collations", ""},
		{"Row images, row metadata, compression, GTIDs on, off and tagged", "images-minimal images-noblob metadata-full compressed gtid-off gtid-tagged gtid-56", ""},
		{"DDL of the hazards, between and inside the windows", "ddl-forms ddl-mariadb ddl-sessions many-windows partitions create-select replace-failed", ""},
		{"Random workloads with a seed; a fixed set of seeds with each run of the tests, a shrunk script of what fails", "", "internal/soak.TestRandomWorkloads internal/soak.TestOnceWrong"},
		{"Fuzz: framing", "", "internal/binlog.FuzzScanner internal/binlog.FuzzReader internal/binlog.FuzzQueryVars internal/binlog/gtid.FuzzParseSet internal/archive.FuzzParseIndex"},
		{"Fuzz: table maps", "", "internal/binlog.FuzzTableMap"},
		{"Fuzz: row images and JSON", "", "internal/value.FuzzColumn internal/value.FuzzJSON"},
		{"Fuzz: DDL scanner", "", "internal/schema.FuzzClassify internal/schema.FuzzRewrite internal/schema.FuzzKeep internal/schema.FuzzDefinition"},
		{"Fuzz: dump reader, with mydumper's and MySQL Shell's folders and files of rows for LOAD DATA, and what a physical backup says of itself", "", "snapshot.FuzzSplit snapshot.FuzzIndex snapshot.FuzzTuples snapshot.FuzzFields snapshot.FuzzMydumperMetadata snapshot.FuzzShell snapshot.FuzzPhysical"},
		{"Fuzz: places in a log, as the command line takes them", "", "filter.FuzzPoint"},
		{"Every prefix of a small log: no panic, hang, wrong row, or more than 64 MiB", "", "internal/binlog.TestEveryPrefixOfASmallLog internal/binlog.TestEveryPrefix internal/archive.TestCutAnywhere"},
		{"Every change of one byte: the same", "", "internal/binlog.TestEveryChangeOfASmallLog internal/binlog.TestEveryFlip internal/archive.TestFlipAnywhere"},
		{"The corpus against mysqlbinlog and mariadb-binlog: events by type, transactions, rows, positions, DDL; the exceptions listed", "", "internal/binlog.TestCorpusAgainstServersPrograms internal/binlog.TestServersLogs"},
		{"What is not exact is refused or reported with count and positions, in plan, at the end and in JSON; limits.md has it with its test",
			"system-versioned default-outside-bmp images-without-column myisam-resumed-keyless moved-across-databases",
			"internal/oracle.TestLimitsPage replay.TestPlanRefusesWhatItCannotReplay cmd/lifeboat.TestUnsupportedValues cmd/lifeboat.TestExitCodes cmd/lifeboat.TestStory"},
		{"500 and 500 seeds, ten hazards with the handling taken out, 20 minutes of each fuzz target: by hand, the results are below", "", ""},
	}
}

// sentenceTable says who holds what, and fails where a holder is not there or nobody holds a sentence without saying so.
func sentenceTable(t *testing.T, root string, cases []*oracleCase) string {
	t.Helper()
	there := map[string]bool{}
	for _, c := range cases {
		there[c.name] = true
	}
	var b strings.Builder
	b.WriteString("| what was asked | cases | tests |\n|---|---|---|\n")
	for _, s := range sentences() {
		names, tests := strings.Fields(s.cases), strings.Fields(s.tests)
		if len(names)+len(tests) == 0 && !strings.Contains(s.says, "by hand") {
			t.Errorf("nobody holds %q", s.says)
		}
		for _, n := range names {
			if !there[n] {
				t.Errorf("there is no case %s (%s)", n, s.says)
			}
		}
		for _, n := range tests {
			if !testExists(t, root, n) {
				t.Errorf("there is no test %s (%s)", n, s.says)
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", s.says, quoted(names), quoted(tests))
	}
	return b.String()
}

func quoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}
