/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Intrusive doubly linked list. A node that is in no list points to itself. */
#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define list_owner(n, type, field) ((type *)(void *)((char *)(n)-offsetof(type, field)))
#define list_each(n, head) for (struct list *n = (head)->next; n != (head); n = n->next)
/* Safe against removal of `n` itself. */
#define list_each_safe(n, head)                                                        \
	for (struct list *n = (head)->next, *n##_next = n->next; n != (head); \
	     n = n##_next, n##_next = n->next)

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_empty(const struct list *l) { return l->next == l; }
static inline void list_add(struct list *head, struct list *n) /* at the end */
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
static inline struct list *list_first(const struct list *head) { return list_empty(head) ? NULL : head->next; }
