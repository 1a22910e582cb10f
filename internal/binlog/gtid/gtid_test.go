package gtid

import (
	"errors"
	"testing"
)

const u1, u2 = "3e11fa47-71ca-11e1-9e33-c80aa9429562", "4e11fa47-71ca-11e1-9e33-c80aa9429562"

func TestSetText(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"", ""},
		{u1 + ":1-5", u1 + ":1-5"},
		{u1 + ":7:1-3:4-5", u1 + ":1-5:7"},
		{u2 + ":1,\n" + u1 + ":2-3:Tag_A:1-4", u1 + ":2-3," + u1 + ":tag_a:1-4," + u2 + ":1"},
		{"0-7-49,1-2-3", "0-7-49,1-2-3"},
		{"1-2-3,0-7-49,0-8-51", "0-8-51,1-2-3"},
	} {
		s, err := ParseSet(c.in)
		if err != nil || s.String() != c.out {
			t.Errorf("ParseSet(%q) = %q, %v; want %q", c.in, s.String(), err, c.out)
		}
	}
	for _, in := range []string{"x", "1-2", u1, u1 + ":", u1 + ":0", u1 + ":5-3", u1 + ":1,0-1-2", "0-1-2," + u1 + ":1", "1-2-99999999999999999999"} {
		if s, err := ParseSet(in); !errors.Is(err, ErrSyntax) {
			t.Errorf("ParseSet(%q) = %q, %v; want ErrSyntax", in, s.String(), err)
		}
	}
}

func TestSetAlgebra(t *testing.T) {
	set := func(s string) Set {
		out, err := ParseSet(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct{ a, b, minus string }{
		{u1 + ":1-10", u1 + ":3-4:8-20", u1 + ":1-2:5-7"},
		{u1 + ":1-10", "", u1 + ":1-10"},
		{u1 + ":1-10", u1 + ":t:1-10", u1 + ":1-10"},
		{u1 + ":5", u1 + ":1-10", ""},
		{"0-1-9,1-1-4", "0-2-9,1-1-3", "1-1-4"},
	} {
		a, b := set(c.a), set(c.b)
		m := a.Minus(b)
		if m.String() != c.minus {
			t.Errorf("%s minus %s = %s; want %s", c.a, c.b, m.String(), c.minus)
		}
		if got := b.ContainsSet(a); got != (c.minus == "") {
			t.Errorf("%s contains %s: %v", c.b, c.a, got)
		}
		joined := b.Clone()
		if err := joined.Union(m); err != nil || !joined.ContainsSet(a) {
			t.Errorf("%s plus %s does not contain %s (%v)", c.b, m.String(), c.a, err)
		}
	}
	s := set(u1 + ":1-2:4")
	for seq, want := range map[uint64]bool{1: true, 2: true, 3: false, 4: true, 5: false} {
		g, err := Parse(u1 + ":1")
		if err != nil {
			t.Fatal(err)
		}
		g.Seq = seq
		if s.Contains(g) != want {
			t.Errorf("contains %d: %v", seq, !want)
		}
	}
}

func FuzzParseSet(f *testing.F) {
	f.Add(u1 + ":1-5:7:tag:1," + u2 + ":9")
	f.Add("0-1-2,3-4-5")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := ParseSet(in)
		if err != nil {
			return
		}
		again, err := ParseSet(s.String())
		if err != nil || !again.Equal(s) {
			t.Fatalf("%q reads as %q, which reads as %q (%v)", in, s.String(), again.String(), err)
		}
	})
}
