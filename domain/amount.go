package domain

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Amount is an exact decimal number of money, without a currency. The zero
// value is 0. Amounts with another number of decimals can be equal in value
// (compare with Cmp) and still print differently: 9.00 stays "9.00".
type Amount struct {
	units int64
	scale uint8 // number of decimals, at most maxScale
}

const maxScale = 6

// ErrAmount is wrapped by every error of ParseAmount.
var ErrAmount = errors.New("not a decimal amount")

// ParseAmount reads a plain decimal: an optional minus sign, digits, and at
// most six decimals after a point ("-1234.50"). Thousands separators,
// currency signs and exponents are errors. It holds 18 significant digits.
func ParseAmount(s string) (Amount, error) {
	digits := strings.TrimPrefix(s, "-")
	whole, decimals, pointed := strings.Cut(digits, ".")
	if whole == "" || pointed && decimals == "" || len(decimals) > maxScale || len(whole)+len(decimals) > 18 {
		return Amount{}, fmt.Errorf("%w: %q", ErrAmount, s)
	}
	for _, r := range whole + decimals {
		if r < '0' || r > '9' {
			return Amount{}, fmt.Errorf("%w: %q", ErrAmount, s)
		}
	}
	units, err := strconv.ParseInt(whole+decimals, 10, 64)
	if err != nil {
		return Amount{}, fmt.Errorf("%w: %q", ErrAmount, s)
	}
	if digits != s {
		units = -units
	}
	return Amount{units: units, scale: uint8(len(decimals))}, nil
}

// String prints the amount as a plain decimal with all its decimals.
func (a Amount) String() string {
	if a.scale == 0 {
		return strconv.FormatInt(a.units, 10)
	}
	sign, units := "", a.units
	if units < 0 {
		sign, units = "-", -units
	}
	digits := fmt.Sprintf("%0*d", int(a.scale)+1, units)
	point := len(digits) - int(a.scale)
	return sign + digits[:point] + "." + digits[point:]
}

// Decimals is the number of digits after the point.
func (a Amount) Decimals() int { return int(a.scale) }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.units < 0:
		return -1
	case a.units > 0:
		return 1
	}
	return 0
}

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{units: -a.units, scale: a.scale} }

// Abs returns a without its sign.
func (a Amount) Abs() Amount {
	if a.units < 0 {
		return a.Neg()
	}
	return a
}

// Add returns a + b with the longer of both numbers of decimals. A sum that
// does not fit saturates at the largest amount; amounts this size do not occur in bookkeeping.
func (a Amount) Add(b Amount) Amount {
	x, y, scale := align(a, b)
	sum := x + y
	if x > 0 && y > 0 && sum < 0 {
		sum = math.MaxInt64
	}
	if x < 0 && y < 0 && sum >= 0 {
		sum = -math.MaxInt64
	}
	return Amount{units: sum, scale: scale}
}

// Sub returns a - b.
func (a Amount) Sub(b Amount) Amount { return a.Add(b.Neg()) }

// Cmp compares by value: -1 when a < b, 0 when equal, 1 when a > b.
func (a Amount) Cmp(b Amount) int {
	x, y, _ := align(a, b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// Float is for ratios and features only, never for bookkeeping.
func (a Amount) Float() float64 { return float64(a.units) / math.Pow10(int(a.scale)) }

func align(a, b Amount) (x, y int64, scale uint8) {
	scale = max(a.scale, b.scale)
	return raise(a.units, scale-a.scale), raise(b.units, scale-b.scale), scale
}

func raise(units int64, by uint8) int64 {
	for range by {
		if units > math.MaxInt64/10 {
			return math.MaxInt64
		}
		if units < -math.MaxInt64/10 {
			return -math.MaxInt64
		}
		units *= 10
	}
	return units
}
