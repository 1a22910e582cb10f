package replay

import (
	"bytes"
	"hash/maphash"
)

// keyIndex finds entries by the hash of their keys: open addressing, eight bytes a slot, so that a look-up costs one cache miss before
// that of the entry, and growing touches no entry. It holds no pointers.
type keyIndex struct {
	seed  maphash.Seed
	slots []uint64 // a power of two of them: hash<<32 | number of the entry + 1; 0 is free
	used  int
}

const leastSlots = 64

func newKeyIndex() keyIndex {
	return keyIndex{seed: maphash.MakeSeed(), slots: make([]uint64, leastSlots)}
}

// probe begins a look-up: the slot to look at first.
func (x *keyIndex) probe(key []byte) (hash, slot uint64) {
	hash = maphash.Bytes(x.seed, key) >> 32
	return hash, hash & uint64(len(x.slots)-1)
}

// grow makes room for one more. At most three quarters of the slots are used.
func (x *keyIndex) grow() (grown bool) {
	if x.used++; x.used <= len(x.slots)/4*3 {
		return false
	}
	old := x.slots
	x.slots = make([]uint64, 2*len(old))
	mask := uint64(len(x.slots) - 1)
	for _, s := range old {
		if s == 0 {
			continue
		}
		i := s >> 32 & mask
		for x.slots[i] != 0 {
			i = (i + 1) & mask
		}
		x.slots[i] = s
	}
	return true
}

// locate finds a key's entry, or the free slot where it belongs.
func (t *tableFold) locate(key []byte) (e *entry, hash, slot uint64) {
	x := &t.index
	hash, slot = x.probe(key)
	mask := uint64(len(x.slots) - 1)
	sort := uint64(0)
	if t.narrow {
		sort = t.sortKey(key)
	}
	for {
		s := x.slots[slot]
		if s == 0 {
			return nil, hash, slot
		}
		if s>>32 == hash {
			// Other keys have other sort keys where those are narrow: their bytes, another cache miss, need not be looked at.
			if e := &t.entries[uint32(s)-1]; t.narrow && e.sort == sort || !t.narrow && e.key == string(key) {
				return e, hash, slot
			}
		}
		slot = (slot + 1) & mask
	}
}

// dumpIndex finds entries by the canonical form of their keys, in which a dump's text names them too. Entry n has the n-th key that was added.
type dumpIndex struct {
	keyIndex
	keys []byte
	ends []int // in keys
}

// newDumpIndex makes room for n keys of about size bytes each.
func newDumpIndex(n, size int) *dumpIndex {
	slots := leastSlots
	for slots/4*3 < n {
		slots *= 2
	}
	return &dumpIndex{keyIndex: keyIndex{seed: maphash.MakeSeed(), slots: make([]uint64, slots)}, keys: make([]byte, 0, n*size), ends: make([]int, 0, n)}
}

func (x *dumpIndex) len() int { return len(x.ends) }

func (x *dumpIndex) key(n uint32) []byte {
	from := 0
	if n > 0 {
		from = x.ends[n-1]
	}
	return x.keys[from:x.ends[n]]
}

// add gives the next entry a key; it reports false where another has it.
func (x *dumpIndex) add(key []byte) bool {
	x.grow()
	_, free, there := x.seek(key)
	if there {
		return false
	}
	hash, _ := x.probe(key)
	x.slots[free] = hash<<32 | uint64(len(x.ends)+1)
	x.keys = append(x.keys, key...)
	x.ends = append(x.ends, len(x.keys))
	return true
}

func (x *dumpIndex) find(key []byte) (entry uint32, ok bool) {
	entry, _, ok = x.seek(key)
	return entry, ok
}

func (x *dumpIndex) seek(key []byte) (entry uint32, free uint64, ok bool) {
	hash, slot := x.probe(key)
	mask := uint64(len(x.slots) - 1)
	for ; x.slots[slot] != 0; slot = (slot + 1) & mask {
		if s := x.slots[slot]; s>>32 == hash && bytes.Equal(x.key(uint32(s)-1), key) {
			return uint32(s) - 1, 0, true
		}
	}
	return 0, slot, false
}
