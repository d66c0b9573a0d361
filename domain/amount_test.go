package domain

import (
	"math/big"
	"testing"
)

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "9.00": "9.00", "-1234.50": "-1234.50", "48400": "48400", "0.375": "0.375", "-0.05": "-0.05", "999999999999999999": "999999999999999999",
	} {
		amount, err := ParseAmount(text)
		if err != nil || amount.String() != want {
			t.Errorf("%q: %q %v", text, amount, err)
		}
	}
	for _, text := range []string{"", "-", ".", "1.", ".5", "1,5", "1 000", "1e3", "+1", "--1", "1.2.3", "0x1", "1.1234567", "1234567890123456789", "EUR 1", "٣"} {
		if amount, err := ParseAmount(text); err == nil {
			t.Errorf("%q was read as %s", text, amount)
		}
	}
}

func mustAmount(t *testing.T, text string) Amount {
	t.Helper()
	amount, err := ParseAmount(text)
	if err != nil {
		t.Fatal(err)
	}
	return amount
}

func TestAmountsCompareByValue(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"9", "9.00", 0}, {"-1", "1", -1}, {"0.1", "0.09", 1}, {"999999999999999999", "0.000001", 1}, {"-999999999999999999", "-0.000001", -1}} {
		if got := mustAmount(t, c.a).Cmp(mustAmount(t, c.b)); got != c.want {
			t.Errorf("%s against %s: %d", c.a, c.b, got)
		}
	}
}

// FuzzAmount compares sums with exact fractions.
func FuzzAmount(f *testing.F) {
	f.Add("1.10", "2.205")
	f.Add("-0.01", "0.01")
	f.Fuzz(func(t *testing.T, x, y string) {
		a, errA := ParseAmount(x)
		b, errB := ParseAmount(y)
		if errA != nil || errB != nil {
			return
		}
		if len(a.Abs().String())+len(b.Abs().String()) > 16 {
			return // sums of larger ones may saturate
		}
		want := new(big.Rat).Add(rational(t, a.String()), rational(t, b.String()))
		if got := rational(t, a.Add(b).String()); got.Cmp(want) != 0 {
			t.Fatalf("%s + %s = %s", a, b, a.Add(b))
		}
		if a.Add(b).Sub(b).Cmp(a) != 0 {
			t.Fatalf("%s + %s - %s is not %s", a, b, b, a)
		}
	})
}

func rational(t *testing.T, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is not a number", text)
	}
	return r
}
