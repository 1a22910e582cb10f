package main

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/archive"
	"lifeboat/internal/report"
	"lifeboat/internal/ui/text"
)

// verdict says in a few words what the archive is worth, and in a sentence or two why.
func (f *facts) verdict(a *report.Audit) {
	var worst *archive.Finding
	found := f.relevant()
	for i := range found {
		if x := &found[i]; x.Severity >= archive.Gap && (worst == nil || x.Severity > worst.Severity) {
			worst = x
		}
	}
	span := fmt.Sprintf("from %s to %s", a.Archive.From, a.Archive.To)
	var say []string
	switch {
	case worst == nil:
		a.Verdict = "complete"
		say = append(say, fmt.Sprintf("the log has no gap %s", span))
	case worst.Severity == archive.Broken:
		a.Verdict, a.ExitCode = "damaged", exitCorrupt
		say = append(say, worst.Text)
	default:
		a.Verdict, a.ExitCode = "gap", exitGap
		if worst.Code == archive.CodeTorn {
			a.Verdict = "torn end"
		}
		say = append(say, worst.Text)
	}
	if missing := noBase(a.Tables); len(missing) > 0 && (f.snapshot != nil || f.plan != nil) {
		a.Verdict += fmt.Sprintf(", but %s", text.Counted(int64(len(missing)), "table")+" without a base")
		say = append(say, "nothing shows what these tables held before the log's first change to them: "+someNames(missing))
	} else if len(missing) > 0 {
		say = append(say, "only a snapshot can tell what these tables held before the log's first change to them: "+someNames(missing))
	}
	if n := len(a.Incidents); n > 0 {
		a.Verdict += ", with " + text.Counted(int64(n), "incident")
		say = append(say, fmt.Sprintf("%s destroyed data", text.Counted(int64(n), "incident")))
	} else {
		say = append(say, "nothing destructive was found")
	}
	a.Text = sentences(say)
}

func sentences(say []string) string {
	for i, s := range say {
		say[i] = strings.ToUpper(s[:1]) + s[1:]
		if i == 0 && strings.Contains(strings.SplitN(s, " ", 2)[0], ".") {
			say[i] = s // it begins with a file's name
		}
	}
	return strings.TrimSuffix(strings.Join(say, ". "), ".") + "."
}

// someNames lists a few names.
func someNames(names []string) string {
	const most = 8
	if len(names) == 0 {
		return "no table"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// commands are what can be done next, ready to be run but for the target.
func (f *facts) commands(a *report.Audit) (out []report.Command) {
	if f.scope.Database == "" {
		for i, db := range a.Databases {
			if i == 8 {
				break
			}
			s := *f.source
			s.scope.Database = db
			out = append(out, report.Command{Purpose: "Look at " + db + " alone", Line: newCommandLine("audit").source(&s).String()})
		}
		return out
	}
	base := slices.ContainsFunc(a.Tables, func(t report.TableRow) bool { return t.Base != report.BaseNone })
	if !base {
		return nil
	}
	line := func() *commandLine { return newCommandLine("restore").source(f.source) }
	const where = "DSN"
	if len(a.Incidents) == 0 {
		return []report.Command{{Purpose: "Restore it to the end of the log", Line: line().flag("target", where).String()}}
	}
	for i, in := range a.Incidents {
		if i == 3 {
			break
		}
		out = append(out, report.Command{
			Purpose: fmt.Sprintf("Restore the state just before incident %s (%s of %s)", in.ID, in.Kind, someNames(in.Tables)),
			Line:    line().flag("stop-before", in.StopBefore).flag("target", where).String(),
		})
	}
	return out
}
