package binlog

import (
	"fmt"
	"testing"
)

// Row events of tables of any number of columns are told apart by whether their bitmaps lack a column. MySQL 9.7 sets the bits that no
// column has, MariaDB does not.
func TestPartialImages(t *testing.T) {
	for n := 1; n <= 33; n++ {
		for _, spare := range []byte{0, 0xff} {
			for missing := -1; missing < n; missing++ {
				t.Run(fmt.Sprintf("%d columns, without %d, spare bits %x", n, missing, spare), func(t *testing.T) {
					full, lacking := columnBitmap(n, -1, spare), columnBitmap(n, missing, spare)
					want := missing >= 0
					for typ, body := range map[EventType][]byte{
						WriteRowsV1:          append([]byte{byte(n)}, lacking...),
						DeleteRowsV2:         append([]byte{2, 0, byte(n)}, lacking...),
						WriteRowsV2:          append([]byte{5, 0, 1, 2, 3, byte(n)}, lacking...), // with extra data
						UpdateRowsV1:         append(append([]byte{byte(n)}, lacking...), full...),
						UpdateRowsV2:         append(append([]byte{2, 0, byte(n)}, full...), lacking...),
						UpdateRowsCompressed: append(append([]byte{2, 0, byte(n)}, full...), lacking...),
					} {
						if got := partialImages(typ, append(body, "rows"...)); got != want {
							t.Errorf("%v: partial is %v, want %v", typ, got, want)
						}
					}
				})
			}
		}
	}
	if !partialImages(PartialUpdateRows, nil) {
		t.Error("differences of JSON values are taken for whole images")
	}
	if partialImages(WriteRowsV2, []byte{2, 0, 9, 0xff}) {
		t.Error("a head cut short is judged")
	}
}

// columnBitmap is that of n columns without one of them, or with all; spare is what its last byte's other bits are set to.
func columnBitmap(n, missing int, spare byte) []byte {
	bits := make([]byte, (n+7)/8)
	for i := range len(bits) * 8 {
		if i < n && i != missing || i >= n && spare != 0 {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	return bits
}
