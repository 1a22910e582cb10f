package value

import (
	"fmt"
	"slices"
	"strings"

	"lifeboat/internal/testserver"
)

func roundTrips() []roundTrip {
	var all []roundTrip
	all = append(all, integerTrips()...)
	all = append(all, numberTrips()...)
	all = append(all, temporalTrips()...)
	all = append(all, textTrips()...)
	all = append(all, otherTrips()...)
	all = append(all, jsonTrips()...)
	return all
}

func integerTrips() (all []roundTrip) {
	for _, i := range []struct {
		name string
		bits int
	}{{"TINYINT", 8}, {"SMALLINT", 16}, {"MEDIUMINT", 24}, {"INT", 32}, {"BIGINT", 64}} {
		low, high := int64(-1)<<(i.bits-1), uint64(1)<<(i.bits-1)-1
		top := uint64(1)<<(i.bits-1) + high
		all = append(all,
			roundTrip{name: i.name, ddl: i.name, key: true, values: []string{"0", "1", "-1", "42", fmt.Sprint(low), fmt.Sprint(low + 1), fmt.Sprint(high), fmt.Sprint(high - 1)}},
			roundTrip{name: i.name + "_unsigned", ddl: i.name + " UNSIGNED", column: Column{Unsigned: true}, key: true,
				values: []string{"0", "1", "100", fmt.Sprint(high), fmt.Sprint(high + 1), fmt.Sprint(top), fmt.Sprint(top - 1)}})
	}
	return append(all,
		roundTrip{name: "INT_zerofill", ddl: "INT(8) ZEROFILL", column: Column{Unsigned: true}, key: true, values: []string{"0", "7", "4294967295"}},
		roundTrip{name: "YEAR", ddl: "YEAR", key: true, values: []string{"0", "1901", "2000", "2026", "2155"}},
		roundTrip{name: "BIT1", ddl: "BIT(1)", key: true, values: []string{"0", "1"}},
		roundTrip{name: "BIT10", ddl: "BIT(10)", key: true, values: []string{"0", "1", "512", "1023", "255", "256"}},
		roundTrip{name: "BIT64", ddl: "BIT(64)", key: true, values: []string{"0", "1", "18446744073709551615", "9223372036854775808", "0x0102030405060708"}},
	)
}

func numberTrips() []roundTrip {
	return []roundTrip{
		{name: "FLOAT", ddl: "FLOAT", key: true, values: []string{"0e0", "-0e0", "1.5", "0.1", "-0.1", "3.4028234663852886e38", "-3.4028234663852886e38", "1.1754943508222875e-38",
			"1.401298464324817e-45", "1.1754942e-38", "16777217", "123456.789", "8388608.5", "7.0064923216240854e-46"}},
		{name: "FLOAT_7_2", ddl: "FLOAT(7,2)", key: true, values: []string{"0", "1.23", "99999.99", "-99999.99", "12345.67", "0.01", "2.675"}},
		{name: "FLOAT_20_3", ddl: "FLOAT(20,3)", key: true, values: []string{"123456789012.345", "1.0005", "16777216.125"}},
		{name: "DOUBLE", ddl: "DOUBLE", key: true, values: []string{"0e0", "-0e0", "0.1", "1.7976931348623157e308", "-1.7976931348623157e308", "2.2250738585072014e-308", "2.225073858507201e-308",
			"4.9e-324", "1e-310", "6.02214076e23", "9007199254740993", "0.30000000000000004", "1e22", "1e23", "123456789.12345678", "5e-324", "8.41e21", "9.5e-5"}},
		{name: "DOUBLE_30_10", ddl: "DOUBLE(30,10)", key: true, values: []string{"0", "1.0000000001", "-12345678901.1234567890", "99999999999999999999", "0.1"}},
		{name: "DECIMAL_10_2", ddl: "DECIMAL(10,2)", key: true, values: []string{"0", "0.01", "-0.01", "1.10", "99999999.99", "-99999999.99", "-1", "10"}},
		{name: "DECIMAL_65_30", ddl: "DECIMAL(65,30)", key: true, values: []string{"0", "1", "-1", "0.000000000000000000000000000001", "-0.000000000000000000000000000001",
			"99999999999999999999999999999999999.999999999999999999999999999999", "-99999999999999999999999999999999999.999999999999999999999999999999",
			"12345678901234567890123456789012345.123456789012345678901234567890"}},
		{name: "DECIMAL_65_0", ddl: "DECIMAL(65,0)", key: true, values: []string{"0", "99999999999999999999999999999999999999999999999999999999999999999", "-10000000000000000000000000000000000000000000000000000000000000000"}},
		{name: "DECIMAL_30_30", ddl: "DECIMAL(30,30)", key: true, values: []string{"0", "0.999999999999999999999999999999", "-0.100000000000000000000000000001"}},
		{name: "DECIMAL_1_0", ddl: "DECIMAL(1,0)", key: true, values: []string{"0", "9", "-9"}},
		{name: "DECIMAL_18_9", ddl: "DECIMAL(18,9)", key: true, values: []string{"0", "123456789.123456789", "-1.000000001", "100000000"}},
		{name: "DECIMAL_9_4", ddl: "DECIMAL(9,4) UNSIGNED", column: Column{Unsigned: true}, key: true, values: []string{"0", "12345.6789", "0.0001"}},
		{name: "DECIMAL_65_38", ddl: "DECIMAL(65,38)", key: true, servers: []string{testserver.MariaDB1011}, values: []string{"0", "-0.00000000000000000000000000000000000001", "999999999999999999999999999.99999999999999999999999999999999999999"}},
	}
}

func temporalTrips() (all []roundTrip) {
	fractions := []string{"", ".1", ".12", ".123", ".1234", ".12345", ".123456"}
	for digits, f := range fractions {
		nines := ""
		if digits > 0 {
			nines = "." + "999999"[:digits]
		}
		all = append(all,
			roundTrip{name: fmt.Sprintf("TIME_%d", digits), ddl: fmt.Sprintf("TIME(%d)", digits), key: true, values: []string{
				"'00:00:00'", "'00:00:01" + f + "'", "'-00:00:01" + f + "'", "'838:59:59'", "'-838:59:59'", "'100:00:00" + nines + "'", "'-100:00:00" + nines + "'",
				"'-00:00:00" + f + "'", "'-24:00:00'", "'23:59:59" + nines + "'", "'-00:00:59" + nines + "'"}},
			roundTrip{name: fmt.Sprintf("DATETIME_%d", digits), ddl: fmt.Sprintf("DATETIME(%d)", digits), key: true, values: []string{
				"'0000-00-00 00:00:00'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59" + nines + "'", "'2026-02-28 12:34:56" + f + "'", "'2025-02-31 01:02:03'",
				"'2020-00-00 00:00:00'", "'2020-05-00 11:22:33'", "'0000-01-01 00:00:00'", "'0001-01-01 00:00:00'", "'2024-02-29 00:00:00" + nines + "'"}},
			roundTrip{name: fmt.Sprintf("TIMESTAMP_%d", digits), ddl: fmt.Sprintf("TIMESTAMP(%d) NULL", digits), key: true, values: []string{
				"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07" + f + "'", "'2026-02-28 12:34:56" + nines + "'", "'2000-02-29 23:59:59'", "'1999-12-31 23:59:59'", "'2000-03-01 00:00:00'"}})
	}
	// What MySQL wrote before 5.6.4, as MariaDB still can.
	off, on := []string{"SET GLOBAL mysql56_temporal_format = OFF"}, []string{"SET GLOBAL mysql56_temporal_format = ON"}
	all = append(all,
		roundTrip{name: "old_TIME", typ: TypeTime, ddl: "TIME", key: true, servers: []string{testserver.MariaDB1011}, before: off, setup: on, values: []string{"'00:00:00'", "'-00:00:01'", "'838:59:59'", "'-838:59:59'", "'12:34:56'", "'-24:00:00'"}},
		roundTrip{name: "old_DATETIME", typ: TypeDatetime, ddl: "DATETIME", key: true, servers: []string{testserver.MariaDB1011}, before: off, setup: on, values: []string{"'0000-00-00 00:00:00'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2025-02-31 01:02:03'", "'2020-00-00 00:00:01'"}},
		roundTrip{name: "old_TIMESTAMP", typ: TypeTimestamp, ddl: "TIMESTAMP NULL", key: true, servers: []string{testserver.MariaDB1011}, before: off, setup: on, values: []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-02-29 12:34:56'"}})
	all = append(all, roundTrip{name: "TIMESTAMP_to_2106", ddl: "TIMESTAMP(3) NULL", key: true, servers: []string{testserver.MariaDB118}, values: []string{"'2038-01-19 03:14:08'", "'2106-02-07 06:28:15.999'", "'2100-02-28 23:59:59.5'"}},
		roundTrip{name: "old_TIMESTAMP_to_2106", typ: TypeTimestamp, ddl: "TIMESTAMP NULL", key: true, servers: []string{testserver.MariaDB118}, before: off, setup: on, values: []string{"'2038-01-19 03:14:08'", "'2106-02-07 06:28:15'"}})
	return append(all, roundTrip{name: "DATE", ddl: "DATE", key: true, values: []string{
		"'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2024-02-29'", "'2025-02-31'", "'2020-00-00'", "'2020-06-00'", "'0000-01-01'", "'0001-01-01'", "'1752-09-14'"}})
}

// allBytes is every byte once, with the ones that need escapes doubled, as a hexadecimal literal.
func allBytes() string {
	s := "0x"
	for i := range 256 {
		s += fmt.Sprintf("%02x", i)
	}
	return s + "00275c275c0a0d1a"
}

func textTrips() []roundTrip {
	long := "REPEAT('x', 300)"
	bytesValues := []string{"''", "'a'", "'a '", "' '", "'\\0'", "0x00", "0x6100", "0x610000", "0x2000", "0x20", "'it\\'s \\\\ \"q\" \\n\\r\\Z'", "0xfffefd", "0x00ff00"}
	bytesValues = slices.Clip(bytesValues)
	all := []roundTrip{
		{name: "BINARY_8", ddl: "BINARY(8)", key: true, values: bytesValues},
		{name: "BINARY_255", ddl: "BINARY(255)", key: true, values: bytesValues},
		{name: "VARBINARY_20", ddl: "VARBINARY(20)", key: true, values: bytesValues},
		{name: "VARBINARY_300", ddl: "VARBINARY(300)", key: true, values: append(bytesValues, allBytes(), long)},
		{name: "TINYBLOB", ddl: "TINYBLOB", values: bytesValues},
		{name: "BLOB", ddl: "BLOB", values: append(bytesValues, allBytes(), "REPEAT(0x00275c, 20000)")},
		{name: "MEDIUMBLOB", ddl: "MEDIUMBLOB", values: append(bytesValues, allBytes(), "REPEAT(0x00275c, 70000)")},
		{name: "LONGBLOB", ddl: "LONGBLOB", values: append(bytesValues, allBytes(), "REPEAT('x', 1000000)")},
	}
	for _, cs := range charsets() {
		ddls := []string{"CHAR(10)", "VARCHAR(200)", "TEXT"}
		if cs.name == "utf8mb4" || cs.name == "ucs2" {
			ddls = append(ddls, "CHAR(200)", "VARCHAR(30)", "TINYTEXT", "MEDIUMTEXT", "LONGTEXT")
		}
		for _, ddl := range ddls {
			all = append(all, roundTrip{name: cs.name + "_" + ddl, ddl: ddl + " CHARACTER SET " + cs.name, column: Column{Charset: cs.name},
				key: ddl[0] == 'C' || ddl[0] == 'V', values: cs.values, servers: cs.servers})
		}
	}
	for _, collation := range []string{"utf8mb4_bin", "utf8mb4_unicode_ci", "utf8mb4_general_ci", "latin1_bin", "latin1_german2_ci", "gbk_bin", "sjis_bin"} {
		cs, _, _ := strings.Cut(collation, "_")
		for _, set := range charsets() {
			if set.name == cs {
				all = append(all, roundTrip{name: collation, ddl: "VARCHAR(40) CHARACTER SET " + cs + " COLLATE " + collation, column: Column{Charset: cs}, key: true, values: set.values})
			}
		}
	}
	return all
}

type charset struct {
	name    string
	values  []string
	servers []string
}

// charsets has for each character set values with quotes, backslashes, and characters whose bytes hold
// those of a quote, a backslash or a NUL.
func charsets() []charset {
	plain := []string{"''", "'a'", "'A'", "'a b'", "' a'", "'it\\'s'", "'back\\\\slash'", "'tab\\t'", "'line\\n\\r'", "'z\\Z'", "'\\0'", "'\\0\\0'", "'a\\0'", "'%_'", "'\\\"'", "'a '", "'a   '", "' '", "'a\t'"}
	plain = slices.Clip(plain)
	utf8 := append(plain, "'é'", "'e'", "'中文数据库'", "'ß'", "'ss'", "'Ω'")
	utf8 = slices.Clip(utf8)
	sets := []charset{
		{name: "latin1", values: append(plain, "_latin1 0xe9", "_latin1 0xff", "_latin1 0x80", "_latin1 0x8190", "_latin1 0xa0")},
		{name: "ascii", values: plain},
		{name: "utf8", values: utf8, servers: []string{testserver.MySQL56}},
		{name: "utf8mb3", values: utf8, servers: []string{testserver.MySQL97, testserver.MariaDB1011}},
		{name: "utf8mb4", values: append(utf8, "'😀'", "'👩‍🚀'")},
		{name: "gbk", values: append(plain, "'中文'", "_gbk 0x815c", "_gbk 0xbf5c", "_gbk 0xd55c27")},
		{name: "gb2312", values: append(plain, "'中文'")},
		{name: "gb18030", values: append(plain, "'中文'", "_gb18030 0x815c", "'😀'"), servers: []string{testserver.MySQL97}},
		{name: "big5", values: append(plain, "'中文'", "_big5 0xa55c", "_big5 0xb35c")},
		{name: "sjis", values: append(plain, "'日本'", "_sjis 0x835c", "_sjis 0x955c", "_sjis 0xb1")},
		{name: "cp932", values: append(plain, "'日本'", "_cp932 0x835c", "_cp932 0x815f")},
		{name: "ujis", values: append(plain, "'日本'", "_ujis 0x8fb0a1")},
		{name: "euckr", values: append(plain, "'한국'")},
		{name: "ucs2", values: append(utf8, "_ucs2 0x5c27", "_ucs2 0x005c0027", "_ucs2 0x275c", "_ucs2 0x0100")},
		{name: "utf16", values: append(utf8, "'😀'", "_utf16 0x5c27", "_utf16 0x2700")},
		{name: "utf16le", values: append(utf8, "'😀'")},
		{name: "utf32", values: append(utf8, "'😀'", "_utf32 0x00005c27")},
		{name: "cp1251", values: append(plain, "'Привет'")},
		{name: "tis620", values: append(plain, "_tis620 0xa1a2")},
	}
	return sets
}

func otherTrips() []roundTrip {
	return []roundTrip{
		{name: "ENUM", ddl: "ENUM('a','b','','c')", key: true, values: []string{"'a'", "'b'", "'c'", "3"}},
		{name: "MyISAM_BIT10", engine: "MyISAM", ddl: "BIT(10)", values: []string{"0", "1", "512", "1023", "255", "256"}},
		{name: "MyISAM_CHAR", engine: "MyISAM", ddl: "CHAR(10) CHARACTER SET utf8mb4", column: Column{Charset: "utf8mb4"}, key: true, values: []string{"''", "'a'", "'中文'", "'a '"}},
		{name: "MyISAM_BINARY", engine: "MyISAM", ddl: "BINARY(10)", key: true, values: []string{"''", "'a'", "0x6100", "0x2020"}},
		{name: "MEMORY_VARCHAR", engine: "MEMORY", ddl: "VARCHAR(300) CHARACTER SET latin1", column: Column{Charset: "latin1"}, values: []string{"''", "'a'", "'a '", "REPEAT('b', 300)"}},
		{name: "ENUM_zero", ddl: "ENUM('a','b')", key: true, lenient: true, values: []string{"'a'", "'nosuch'", "'b'"}},
		{name: "ENUM_zero_300", ddl: manyMembers(300), lenient: true, values: []string{"256", "'nosuch'"}},
		{name: "ENUM_300", ddl: manyMembers(300), key: true, values: []string{"1", "255", "256", "300"}},
		{name: "SET", ddl: "SET('a','b','c')", key: true, values: []string{"''", "'a'", "'a,c'", "7"}},
		{name: "SET_64", ddl: set64(), key: true, values: []string{"0", "1", "18446744073709551615", "9223372036854775808"}},
		{name: "GEOMETRY", ddl: "GEOMETRY", values: []string{
			"ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(-1.5 1e300)', 0)", "ST_GeomFromText('LINESTRING(0 0,1 1,2 2)')",
			"ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(5 5,7 5,7 7,5 7,5 5))')", "ST_GeomFromText('MULTIPOINT(1 1,2 2)')",
			"ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))')"}},
		{name: "GEOMETRY_4326", ddl: "GEOMETRY", servers: []string{testserver.MySQL97, testserver.MariaDB1011}, values: []string{"ST_GeomFromText('POINT(10 20)', 4326)", "ST_GeomFromText('LINESTRING(10 20,11 21)', 4326)", "ST_GeomFromText('POINT(10 20)', 3857)"}},
		{name: "POINT_SRID", ddl: "POINT SRID 4326", servers: []string{testserver.MySQL97}, values: []string{"ST_GeomFromText('POINT(10 20)', 4326)", "ST_GeomFromText('POINT(-89.5 179)', 4326)"}},
		{name: "GEOMETRYCOLLECTION_empty", ddl: "GEOMETRYCOLLECTION", servers: []string{testserver.MySQL97}, values: []string{"ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"}},
		{name: "VECTOR", ddl: "VECTOR(4)", servers: []string{testserver.MySQL97}, column: Column{DataType: "vector"}, values: []string{"TO_VECTOR('[1,2,3,4]')", "TO_VECTOR('[0.1,-0,1e-37,3.4e38]')", "TO_VECTOR('[1]')"}},
		{name: "VECTOR_MariaDB", ddl: "VECTOR(4)", servers: []string{testserver.MariaDB118}, column: Column{DataType: "vector"}, values: []string{"VEC_FromText('[1,2,3,4]')", "VEC_FromText('[0.1,-0,1e-37,3.4e38]')", "0x00000000000000000000000000000020"}},
		{name: "UUID", ddl: "UUID", servers: []string{testserver.MariaDB1011}, key: true, column: Column{DataType: "uuid"}, values: []string{"'00000000-0000-0000-0000-000000000000'", "'123e4567-e89b-12d3-a456-426655440000'",
			"'123e4567-e89b-42d3-a456-426655440000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'27005c00-0a0d-1aff-8000-000000000000'", "'01020304-0506-7708-890a-0b0c0d0e0f10'", "'01020304-0506-0708-090a-0b0c0d0e0f00'"}},
		{name: "INET6", ddl: "INET6", servers: []string{testserver.MariaDB1011}, key: true, column: Column{DataType: "inet6"}, values: []string{"'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.128'", "'ffff::'", "'2700:5c00::'"}},
		{name: "INET4", ddl: "INET4", servers: []string{testserver.MariaDB1011}, key: true, column: Column{DataType: "inet4"}, values: []string{"'0.0.0.0'", "'1.2.3.4'", "'255.255.255.255'", "'10.0.0.0'", "'39.92.0.0'"}},
		{name: "MariaDB_JSON", ddl: "JSON", servers: []string{testserver.MariaDB1011}, column: Column{Charset: "utf8mb4", DataType: "json"}, values: []string{`'{"a": [1, 2.0, "é\\"\\\\n"]}'`, "'3.0'", "'[]'", `'"中文"'`}},
		{name: "compressed_TEXT", ddl: "TEXT COMPRESSED", servers: []string{testserver.MariaDB1011}, column: Column{Charset: "utf8mb4"}, values: []string{"''", "'a'", "REPEAT('abc中', 1000)", "REPEAT(' ', 100)"}},
		{name: "compressed_BLOB", ddl: "BLOB COMPRESSED", servers: []string{testserver.MariaDB1011}, values: []string{"''", "0x00", "REPEAT(0x00275c, 10000)", allBytes(), "REPEAT('x', 101)"}},
		{name: "compressed_VARCHAR", ddl: "VARCHAR(1000) COMPRESSED", servers: []string{testserver.MariaDB1011}, column: Column{Charset: "latin1"}, values: []string{"''", "'a'", "REPEAT('abc', 300)"}},
		{name: "compressed_VARCHAR_255", ddl: "VARCHAR(255) COMPRESSED CHARACTER SET latin1", servers: []string{testserver.MariaDB1011}, column: Column{Charset: "latin1"}, values: []string{"''", "REPEAT('ab', 127)"}},
		{name: "compressed_VARBINARY", ddl: "VARBINARY(200) COMPRESSED", servers: []string{testserver.MariaDB1011}, values: []string{"''", "0x00", "REPEAT(0x00275c, 60)"}},
	}
}

func manyMembers(n int) string {
	s := "ENUM("
	for i := range n {
		if i > 0 {
			s += ","
		}
		s += fmt.Sprintf("'m%d'", i)
	}
	return s + ")"
}

func set64() string { return "SET" + manyMembers(64)[len("ENUM"):] }
