package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"lifeboat/filter"
	"lifeboat/replay/plan"
)

// readPlan reads a plan that lifeboat plan wrote.
func readPlan(path string) (*plan.Plan, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--plan: %w", err)
	}
	p := &plan.Plan{}
	if err := json.Unmarshal(content, p); err != nil {
		return nil, fmt.Errorf("--plan %s: not a plan: %w", path, err)
	}
	if p.Schema != plan.Schema {
		return nil, fmt.Errorf("--plan %s: its schema is %q, this lifeboat reads %s", path, p.Schema, plan.Schema)
	}
	return p, nil
}

// follow takes from a saved plan what the command line does not say.
func (j *job) follow(p *plan.Plan) error {
	if j.scope.Database == "" {
		j.scope.Database = p.Database
	}
	if j.into == "" && p.Into != j.scope.Database {
		j.into = p.Into
	}
	if j.scope.Whole() {
		j.scope.Tables, j.scope.Exclude = p.Tables, p.Exclude
	}
	if s := p.Snapshot; s != nil && j.snapshot == "" {
		j.snapshot = s.Path
		if s.Given != "" && j.position == "auto" {
			j.position = s.Given
		}
	}
	if len(p.Bases) > 0 && j.snapshot == "" {
		if err := j.followBases(p); err != nil {
			return err
		}
	}
	if j.definer == "" && p.Definer != "" {
		j.definer = strings.ReplaceAll(p.Definer, "`", "")
	}
	j.baseLoaded = j.baseLoaded || p.BaseLoaded
	j.dropExisting = j.dropExisting || p.DropExisting
	j.partialAllowed = j.partialAllowed || p.AllowIncomplete
	j.partialTables = j.partialTables || p.PartialTables
	if !j.stop.Given && p.StopSpec != "" {
		how, spec, _ := strings.Cut(p.StopSpec, " ")
		point, err := filter.ParsePoint(spec)
		if err != nil {
			return fmt.Errorf("the saved plan's stop: %w", err)
		}
		j.stop = filter.Stop{Point: point, After: how == "after", Given: true}
	}
	if len(j.skip) == 0 {
		if !p.SkipGTIDs.IsEmpty() {
			j.skip = append(j.skip, p.SkipGTIDs.String())
		}
		for _, g := range p.SkipNamed {
			j.skip = append(j.skip, g.String())
		}
	}
	return nil
}

// samePlan refuses a plan that is no longer what its inputs give.
func samePlan(saved, now *plan.Plan) error {
	a, err := fields(saved)
	if err != nil {
		return err
	}
	b, err := fields(now)
	if err != nil {
		return err
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	var diff []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(a[name], b[name]) {
			diff = append(diff, fmt.Sprintf("%s (%s in the plan, %s now)", name, brief(a[name]), brief(b[name])))
		}
	}
	if len(diff) == 0 && saved.Digest == now.Digest {
		return nil
	}
	if len(diff) == 0 {
		diff = []string{"its digest"}
	}
	return fmt.Errorf("the saved plan is not what its inputs give now: %s; make a new one with lifeboat plan, and look at it", strings.Join(diff, ", "))
}

// fields is a plan as data, without what does not decide the result: where the inputs lie.
func fields(p *plan.Plan) (map[string]any, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	if err := json.Unmarshal(text, &out); err != nil {
		return nil, err
	}
	delete(out, "digest")
	if s, ok := out["snapshot"].(map[string]any); ok {
		delete(s, "path")
	}
	if bases, ok := out["bases"].([]any); ok {
		for _, b := range bases {
			if b, ok := b.(map[string]any); ok {
				delete(b, "path")
				delete(b, "unused")
			}
		}
	}
	if files, ok := out["archive"].([]any); ok {
		for _, f := range files {
			if f, ok := f.(map[string]any); ok {
				delete(f, "path")
			}
		}
	}
	return out, nil
}

func brief(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case []any:
		return fmt.Sprintf("%d entries", len(v))
	case map[string]any:
		return fmt.Sprintf("%d fields", len(v))
	}
	s := fmt.Sprint(v)
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}
