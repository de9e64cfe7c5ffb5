// Package tools pins the gate's own tools, apart from the product's dependencies.
package tools
