package value

import (
	"fmt"
	"math"
	"math/rand"
	"strings"

	"lifeboat/internal/testserver"
)

// jsonTrips has documents made from text and from SQL values. The table typed of its setup holds a column
// of each type that a document can keep a value of.
func jsonTrips() []roundTrip {
	doc := func(s string) string {
		return "CAST('" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "' AS JSON)"
	}
	typed := []string{
		"CREATE TABLE documents (d JSON)",
		"CREATE TABLE typed (bi BINARY(5), b16 BINARY(16), vb VARBINARY(300), tb TINYBLOB, bl BLOB, mb MEDIUMBLOB, lb LONGBLOB, bt BIT(10), b64 BIT(64), ye YEAR, ts TIMESTAMP(6) NULL, " +
			"ts0 TIMESTAMP NULL, dt DATETIME, dt3 DATETIME(3), da DATE, ti TIME(2), ge GEOMETRY, de DECIMAL(20,5), d65 DECIMAL(65,30), en ENUM('a'), fl FLOAT, ch CHAR(3), bo BOOL, bu BIGINT UNSIGNED)",
		"INSERT INTO typed VALUES ('ab', 0x27005c1a808190ff0a0d22202020202f, " + allBytes() + ", 0x27005c, REPEAT(0x27005cff, 10000), REPEAT(0x27005cff, 30000), 'ab', 5, 18446744073709551615, 2020, '2020-01-02 03:04:05.678901', '2038-01-19 03:14:07', " +
			"'2020-01-02 03:04:05', '2020-01-02 03:04:05.678', '2020-01-02', '-01:02:03.45', ST_GeomFromText('POINT(1 2)'), -1.5, -1.5, 'a', 0.1, 'x', true, 5)",
		"CREATE TABLE decimals (a DECIMAL(20,5), b DECIMAL(65,30), c DECIMAL(10,0), d DECIMAL(5,5), e DECIMAL(65,0), f DECIMAL(2,1))",
		"INSERT INTO typed (bi, vb, tb, bl, mb, lb, bt, b64, ts, dt, da, ti, de, d65) VALUES (0x0001020000, '', '', '', '', '', 0, 0, '0000-00-00 00:00:00', '0000-00-00 00:00:00', '2025-02-31', '-838:59:59', 0, " +
			"-99999999999999999999999999999999999.999999999999999999999999999999)",
	}
	fromColumns := []string{"JSON_ARRAY(" + strings.Repeat("CAST(7 AS UNSIGNED),", 20000) + "1)", "(SELECT JSON_ARRAYAGG(d) FROM documents)"}
	for _, c := range strings.Split("bi b16 vb tb bl mb lb bt b64 ye ts ts0 dt dt3 da ti ge de d65 en fl ch bo bu", " ") {
		for _, row := range []string{"bt = 5", "bt = 0"} {
			for _, form := range []string{"JSON_ARRAY(1, %s, 'x')", "JSON_OBJECT('k', %s, 'l', JSON_ARRAY(%[1]s, %[1]s))", "JSON_EXTRACT(JSON_ARRAY(%s), '$[0]')"} {
				fromColumns = append(fromColumns, "(SELECT "+fmt.Sprintf(form, c)+" FROM typed WHERE "+row+")")
			}
		}
	}
	for _, v := range []string{"0", "0.00005", "0.5", "1", "-9.9", "99", "-12345678", "123456789", "-1234567890.123", "12345678901234567890"} {
		typed = append(typed, "TRUNCATE decimals")
		typed = append(typed, strings.ReplaceAll("INSERT IGNORE INTO decimals VALUES (?,?,?,?,?,?)", "?", v))
		typed = append(typed, "INSERT INTO documents SELECT JSON_ARRAY(a,b,c,d,e,f,a*1,b+a,a/3,ROUND(b/3,2),-a) FROM decimals", "INSERT INTO documents SELECT JSON_ARRAY("+v+",-("+v+"),"+v+"*1.0,CAST("+v+" AS DECIMAL(30,10))) FROM decimals")
	}
	var many, object []string
	for i := range 3000 {
		many = append(many, fmt.Sprint(i))
		object = append(object, fmt.Sprintf(`"key%d": {"n": %d, "s": "value %d '\""}`, i, i*7919, i))
	}
	random := rand.New(rand.NewSource(1))
	var doubles, cast []string
	for range 1000 {
		f := math.Float64frombits(random.Uint64())
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			cast = append(cast, fmt.Sprintf("%.17e", f))
		}
		doubles = append(doubles, fmt.Sprintf("%v", random.NormFloat64()*100), fmt.Sprintf("%.6f", random.Float64()*180), fmt.Sprintf("%.2f", random.Float64()*1e6))
	}
	return []roundTrip{
		{name: "JSON_text", ddl: "JSON", servers: []string{testserver.MySQL97}, values: []string{
			doc("null"), doc("true"), doc("false"), doc("0"), doc(`""`), doc("[]"), doc("{}"), doc("[[]]"), doc("[{}]"), doc(`{"a":{}}`),
			doc(`"plain"`), doc(`"q\" b\\ s\/ t\t n\n r\r b\b f\f u\u0001\u0000\u001f\u007f ' % _ ü 中 😀"`), doc(`"\ud83d\ude00"`),
			doc(`{"":1,"a":2,"b b":3,"q\"\\'\n\u0000":4,"中文":[1,{"😀":null}]}`), doc(`{"b":1,"a":2,"aa":3,"A":4}`),
			doc("[" + strings.Join(many, ",") + "]"), doc("{" + strings.Join(object, ",") + "}"), doc(strings.Repeat("[", 100) + strings.Repeat("]", 100)),
			doc(strings.Repeat(`{"a":[`, 49) + "1.5" + strings.Repeat("]}", 49)), doc(`"` + strings.Repeat("x", 127) + `"`), doc(`"` + strings.Repeat("x", 128) + `"`), doc(`"` + strings.Repeat("é", 20000) + `"`),
		}},
		{name: "JSON_numbers", loose: true, ddl: "JSON", servers: []string{testserver.MySQL97}, values: []string{
			doc("1"), doc("-1"), doc("32767"), doc("32768"), doc("-32768"), doc("-32769"), doc("65535"), doc("65536"), doc("2147483647"), doc("2147483648"), doc("-2147483648"), doc("-2147483649"),
			doc("4294967295"), doc("4294967296"), doc("9223372036854775807"), doc("9223372036854775808"), doc("-9223372036854775808"), doc("18446744073709551615"), doc("18446744073709551616"),
			doc("1.0"), doc("-0.0"), doc("3.0"), doc("0.1"), doc("6.02214076e23"), doc("1e22"), doc("1e23"), doc("1e-22"), doc("1e-23"), doc("1e100"), doc("123456789012345.0"), doc("999999999999999.0"), doc("1e15"), doc("1e16"), doc("0.00001"), doc("0.000001"),
			doc("[5000000000,1,3.0]"), "CAST(5000000000 AS JSON)", "CAST(CAST(5 AS UNSIGNED) AS JSON)", "CAST(CAST(70000 AS UNSIGNED) AS JSON)", "CAST(CAST(4294967295 AS UNSIGNED) AS JSON)", "CAST(CAST(4294967296 AS UNSIGNED) AS JSON)",
			"JSON_ARRAY(CAST(5 AS UNSIGNED), 5, 5.0, 5e0, -5, 5000000000)", "CAST(1.7976931348623157e308 AS JSON)", "CAST(4.9e-324 AS JSON)", "CAST(2.2250738585072014e-308 AS JSON)", "CAST(0.30000000000000004e0 AS JSON)",
			"CAST(1.10 AS JSON)", "JSON_ARRAY(0.5, 0.00, 123456789.123456789, -1.5)", "CAST(CAST(1.10 AS DECIMAL(65,30)) AS JSON)", "JSON_OBJECT('a', 18446744073709551615, 'b', 99999999999999999999)",
			doc("[" + strings.Join(doubles, ",") + "]"), "JSON_ARRAY(" + strings.Join(cast, ",") + ")",
		}},
		{name: "JSON_typed", loose: true, ddl: "JSON", servers: []string{testserver.MySQL97}, setup: typed, values: fromColumns},
	}
}
