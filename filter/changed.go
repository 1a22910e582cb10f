package filter

import (
	"cmp"
	"slices"
	"strings"

	"lifeboat/internal/binlog"
)

// rowCount is what a transaction changed in one table.
type rowCount struct {
	name                       TableName
	inserted, updated, deleted int64
	first                      binlog.Position
	partial                    bool
	partialJSON                binlog.Position
}

func (c *rowCount) add(kind binlog.Change, n int64) {
	switch kind {
	case binlog.Insert:
		c.inserted += n
	case binlog.Update:
		c.updated += n
	case binlog.Delete:
		c.deleted += n
	}
}

func (c *rowCount) all() int64 { return c.inserted + c.updated + c.deleted }

// changed are the tables that a transaction has rows of. Nearly all transactions have few, and there are many transactions: so it is
// a list, with an index where it gets long.
type changed struct {
	list  []rowCount
	index map[TableName]int // nil while the list is short
	tied  bool              // two tables were first changed at one place, in a compressed transaction
}

const shortList = 16

// table finds a table's count, or makes it. It is valid until the next one is made.
func (x *changed) table(name TableName, at binlog.Position) *rowCount {
	if i := x.find(name); i >= 0 {
		return &x.list[i]
	}
	n := len(x.list)
	x.tied = x.tied || n > 0 && x.list[n-1].first == at
	x.list = append(x.list, rowCount{name: name, first: at})
	switch {
	case x.index != nil:
		x.index[name] = n
	case n >= shortList:
		x.reindex()
	}
	return &x.list[n]
}

func (x *changed) find(name TableName) int {
	if x.index != nil {
		if i, ok := x.index[name]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(x.list, func(c rowCount) bool { return c.name == name })
}

func (x *changed) reindex() {
	x.index = make(map[TableName]int, len(x.list))
	for i := range x.list {
		x.index[x.list[i].name] = i
	}
}

// remove takes a table out.
func (x *changed) remove(name TableName) {
	if i := x.find(name); i >= 0 {
		x.list = slices.Delete(x.list, i, i+1)
		if x.index != nil {
			x.reindex()
		}
	}
}

// all are the tables in the order in which they were first changed.
func (x *changed) all() []rowCount {
	if x.tied {
		slices.SortFunc(x.list, func(a, b rowCount) int {
			return cmp.Or(a.first.Compare(b.first), strings.Compare(a.name.DB, b.name.DB), strings.Compare(a.name.Name, b.name.Name))
		})
		x.tied = false
		if x.index != nil {
			x.reindex()
		}
	}
	return x.list
}

// reset forgets all, and keeps memory for the next transaction.
func (x *changed) reset() { *x = changed{list: x.list[:0]} }
