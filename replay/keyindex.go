package replay

import "hash/maphash"

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
