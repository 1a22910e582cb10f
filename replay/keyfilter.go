package replay

// keyFilter tells of a key that it was not added, or that it may have been: a Bloom filter. It gives the same answers in every run, whatever
// made it so large, since what passed it is already on the target when a restore goes on.
type keyFilter struct {
	words []uint64 // a power of two of them
}

// A key sets this many bits; at twelve bits for each key one foreign key in some hundred is taken for one that was added.
const (
	filterProbes     = 5
	filterBitsPerKey = 12
	leastFilterBits  = 1 << 13
)

// filterBits is the size of a filter for so many keys, in at most so many bytes unless that is very little.
func filterBits(keys, most int64) int64 {
	bits := int64(leastFilterBits)
	for bits < keys*filterBitsPerKey && 2*bits <= most*8 {
		bits *= 2
	}
	return bits
}

func newKeyFilter(bits int64) *keyFilter { return &keyFilter{words: make([]uint64, bits/64)} }

func (f *keyFilter) add(table string, key []byte) {
	at, step := f.probe(table, key)
	for range filterProbes {
		f.words[at>>6] |= 1 << (at & 63)
		at = (at + step) & f.mask()
	}
}

func (f *keyFilter) has(table string, key []byte) bool {
	at, step := f.probe(table, key)
	for range filterProbes {
		if f.words[at>>6]&(1<<(at&63)) == 0 {
			return false
		}
		at = (at + step) & f.mask()
	}
	return true
}

func (f *keyFilter) mask() uint64 { return uint64(len(f.words))*64 - 1 }

// probe makes two numbers of a key, the second of them odd: FNV-1a, and its bits mixed.
func (f *keyFilter) probe(table string, key []byte) (at, step uint64) {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(table) {
		h = (h ^ uint64(table[i])) * prime
	}
	h *= prime // a zero between them
	for _, b := range key {
		h = (h ^ uint64(b)) * prime
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return h & f.mask(), h>>32 | 1
}
