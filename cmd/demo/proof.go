package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"

	"lifeboat/cmd/internal/rig"
	"lifeboat/internal/ui/text"
)

// proof compares everything with the demo's own notes. Every line is checked, also after one has failed.
func (s *story) proof(ctx context.Context) error {
	restored, err := rig.Take(ctx, s.spare, "shop")
	if err != nil {
		return err
	}
	var rows [][]string
	rows = append(rows, []string{"shop", "just before the wipe", "restored", ""})
	for _, name := range s.before.Names() {
		verdict := "equal"
		if s.before[name] != restored[name] {
			verdict = "DIFFERENT"
		}
		rows = append(rows, []string{name, s.before[name].Digest, restored[name].Digest, verdict})
	}
	s.table(rows)
	broken := s.before.Differences(restored)
	check := func(what string, holds bool) {
		mark := "yes"
		if !holds {
			mark = "NO"
			broken = append(broken, "not so: "+what)
		}
		fmt.Fprintf(s.w, "    %-3s  %s\n", mark, what)
	}
	check("every table, view and trigger of the shop is back, row by row as just before the wipe", len(broken) == 0)
	crm, err := rig.Take(ctx, s.shop, "crm")
	if err != nil {
		return err
	}
	check("crm on the source is as it was", len(s.crm.Differences(crm)) == 0)
	made, err := s.newDatabases(ctx)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(made, func(name string) bool { return name == "shop" })
	check("lifeboat made the shop on the target and nothing else"+found(others), len(others) == 0)
	seal, err := rig.Seal(append(slices.Clone(s.copies), s.backup)...)
	if err != nil {
		return err
	}
	check("the backup and both copies of the binlogs are untouched", seal == s.seal)
	if len(broken) > 0 {
		fmt.Fprintln(s.w)
		return fmt.Errorf("%w:\n  %s", errNotProved, strings.Join(broken, "\n  "))
	}
	if err := s.verify(ctx); err != nil {
		return err
	}
	s.say("")
	s.say("%s rows were wiped, and %s rows are back. The proof holds.", text.Count(s.wiped), text.Count(restored.Rows()))
	return nil
}

// verify lets lifeboat itself compare the result with a dump that was made just before the wipe. In real life there is none; a
// second restore, or a replica that was stopped in time, takes its place.
func (s *story) verify(ctx context.Context) error {
	s.say("")
	s.say("lifeboat verify says so too. What it compares with is a plain dump from just before the wipe, loaded as shop_reference:")
	client, err := s.programs.Client("mysql")
	if err != nil {
		return err
	}
	if _, err := s.spare.ExecContext(ctx, "CREATE DATABASE shop_reference CHARACTER SET utf8mb4"); err != nil {
		return err
	}
	dump, err := os.Open(s.reference)
	if err != nil {
		return err
	}
	defer dump.Close()
	cmd := rig.Command(ctx, client, "--no-defaults", "--user=root", "--socket="+s.target.Socket(), "--default-character-set=utf8mb4", "shop_reference")
	cmd.Stdin = dump
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("loading the reference: %w: %s", err, out)
	}
	err = s.show(ctx, s.lifeboat, "verify", "--target", s.target.DSN(), "--database", "shop", "--against", s.target.DSN(), "--against-database", "shop_reference")
	if err != nil {
		return fmt.Errorf("%w: %w", errNotProved, err)
	}
	return nil
}

func found(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (there is " + strings.Join(names, ", ") + ")"
}

// newDatabases are those of the target that it did not have when it was new.
func (s *story) newDatabases(ctx context.Context) ([]string, error) {
	now, err := databases(ctx, s.spare)
	return slices.DeleteFunc(now, func(name string) bool { return slices.Contains(s.given, name) }), err
}

func databases(ctx context.Context, db *sql.DB) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SHOW DATABASES")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		out = append(out, name)
	}
	return out, rows.Err()
}
