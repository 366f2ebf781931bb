package api

import "strings"

// Nearest returns the candidate that word was most likely meant to be, or ""
// if none is near enough to be worth a hint.
func Nearest(word string, candidates []string) string {
	const longest = 64 // nobody mistypes more, and the work stays bounded
	if word == "" || len(word) > longest {
		return ""
	}
	best, bestAt := "", 2+(len(word)-1)/4 // one edit in each four letters
	for _, c := range candidates {
		if len(c) > longest {
			continue
		}
		d := distance(strings.ToLower(word), strings.ToLower(c))
		if d < bestAt {
			best, bestAt = c, d
		}
	}
	return best
}

// NearestMethod returns the name in names that a caller of name most likely
// meant. The namespace may be missing or wrong.
func NearestMethod(name string, names []string) string {
	if near := Nearest(name, names); near != "" {
		return near
	}
	full := map[string]string{} // by the name without its namespace
	var bares []string
	for _, n := range names {
		bare := n[strings.LastIndexByte(n, '.')+1:]
		full[bare] = n
		bares = append(bares, bare)
	}
	return full[Nearest(name[strings.LastIndexByte(name, '.')+1:], bares)]
}

// distance is the number of single edits, a swap of neighbours being one,
// between two words.
func distance(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i-1)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
