package main

import (
	"context"
	"fmt"

	"lifeboat/filter"
	"lifeboat/internal/archive"
	"lifeboat/internal/binlog"
	"lifeboat/internal/report"
	"lifeboat/internal/schema"
	"lifeboat/internal/ui/text"
)

// quickAudit verifies the archive and lists its DDL, in the one pass that Open makes, in parallel over files. Rows are not decoded, so it
// knows nothing of tables' rows, and does not judge what a statement destroyed.
func quickAudit(ctx context.Context, e *env, o auditOptions) (err error) {
	m := newMeter(e, o.progress, phaseArchive)
	defer func() { m.close(outcome(err), err) }()
	f := &facts{source: &o.source, survey: &filter.Survey{Databases: map[string]int64{}}}
	if f.archive, err = archive.Open(ctx, o.binlogs, archive.Options{Progress: m.bytes(phaseArchive), DDL: true}); err != nil {
		return ofFlag("--binlogs", err)
	}
	a := &report.Audit{Tool: e.tool(), Generated: e.time(), Database: f.scope.Database, Archive: archivePart(f.archive)}
	a.Changes = f.quickChanges()
	a.Databases = f.databases()
	a.Findings = f.findingParts()
	f.verdict(a)
	a.Text = quickText(a)
	m.close("done", nil)
	return f.finish(e, o, a)
}

// quickText replaces what the verdict says of tables and incidents, which were not looked into.
func quickText(a *report.Audit) string {
	worst := fmt.Sprintf("no gap from %s to %s", a.Archive.From, a.Archive.To)
	for _, x := range a.Findings {
		if x.Severity == archive.Gap.String() || x.Severity == archive.Broken.String() {
			worst = x.Text
			break
		}
	}
	drops := int64(0)
	for _, s := range a.Changes {
		if s.Note != "" {
			drops++
		}
	}
	what := "no statement that destroys data is in it outside of compressed transactions"
	if drops > 0 {
		what = fmt.Sprintf("%s that may destroy data, listed among the schema changes", text.Counted(drops, "statement"))
	}
	return sentences([]string{worst, what, "rows were not read (--quick): run audit without it to see what was changed and lost"})
}

// quickChanges are the DDL statements that concern the scope.
func (f *facts) quickChanges() (out []report.Statement) {
	for _, x := range f.archive.Files {
		for i := range x.DDL {
			s := &x.DDL[i]
			if part, ok := f.quickChange(s); ok {
				out = append(out, part)
			}
		}
		if x.DDLLeftOut > 0 {
			f.find("ddl-left-out", archive.Warning, binlog.Position{File: x.Name()}, x.Path,
				fmt.Sprintf("%s holds %s of DDL more than --quick keeps", x.Name(), text.Counted(x.DDLLeftOut, "statement")), "run audit without --quick")
		}
	}
	return out
}

func (f *facts) quickChange(s *binlog.Logged) (part report.Statement, ok bool) {
	part = report.Statement{Position: s.Pos.String(), Time: s.Time, SQL: filter.Excerpt(s.SQL, 200), GTID: s.GTID.String(), Thread: s.ThreadID, User: s.Vars.InvokerUser}
	st, q, err := filter.Understood(&s.Query, s.Format)
	if err != nil {
		f.find("unknown-statement", archive.Warning, s.Pos, "", fmt.Sprintf("a statement that lifeboat does not know: %s", part.SQL), "")
		return part, true
	}
	for _, o := range filter.Touched(&st, q) {
		if o.DB != "" && !o.Undecoded {
			f.survey.Databases[o.DB]++
		}
		if (o.Kind == schema.KindTable || o.Kind == schema.KindDatabase) && f.scope.HasDatabase(o.DB) {
			part.Tables = append(part.Tables, o.Name)
		}
	}
	part.Kind = st.Verb.String()
	if st.Destructive() && !st.Temporary {
		part.Note = "may destroy data"
	}
	return part, f.scope.InScope(&st, q)
}
