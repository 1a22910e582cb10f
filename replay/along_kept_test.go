package replay

import "testing"

// TestVictim brings what is kept of a row back, and refuses what is damaged.
func TestVictim(t *testing.T) {
	for _, v := range []victim{{key: []byte{1, 2, 3, 4}}, {key: []byte{0}, refs: [][]byte{nil, {7}, {0, 0}}}} {
		raw := v.marshal()
		back, err := unmarshalVictim(raw)
		if err != nil || string(back.marshal()) != string(raw) || len(back.refs) != len(v.refs) {
			t.Errorf("%v came back as %v, %v", v, back, err)
		}
	}
	for _, raw := range [][]byte{{}, {200, 1, 5}, {3, 5}, {0x80}} {
		if v, err := unmarshalVictim(raw); err == nil {
			t.Errorf("%x was taken for %v", raw, v)
		}
	}
}
