//! A table whose rows have names that go stale when the row is freed.
//!
//! Messages live in one: a name from outside may be old, and an old name must find nothing
//! rather than the row's next tenant.

use serde::{Deserialize, Serialize};

/// Rows by index; each index counts its tenants.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Table<T> {
    rows: Vec<Row<T>>,
    free: Vec<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row<T> {
    generation: u32,
    tenant: Option<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Table<T> {
    /// A free row, to be filled at once: its index and generation.
    #[inline]
    pub(crate) fn vacancy(&mut self) -> (u32, u32) {
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        (index, self.rows[index as usize].generation)
    }

    /// Fills a free row. Apart from looking for it, so that a tenant is made where it stays.
    #[inline(always)]
    pub(crate) fn fill(&mut self, index: u32, tenant: T) {
        self.rows[index as usize].tenant = Some(tenant);
    }

    #[cold]
    fn grow(&mut self) -> u32 {
        let index = u32::try_from(self.rows.len()).expect("fewer than 2^32 rows fit in memory");
        self.rows.push(Row {
            generation: 0,
            tenant: None,
        });
        index
    }

    /// Takes the tenant out and apart, with its generation; its name is stale from here on. Nothing
    /// comes between that may fail, so that only the parts that are asked for are read.
    #[inline(always)]
    pub(crate) fn remove<R>(&mut self, index: u32, take_apart: impl FnOnce(T) -> R) -> (u32, R) {
        self.free.push(index);
        let row = &mut self.rows[index as usize];
        let generation = row.generation;
        row.generation = generation.wrapping_add(1);
        let tenant = row.tenant.take().expect("only tenants are removed");
        (generation, take_apart(tenant))
    }

    /// Whether `generation` of `index` is still the tenant.
    #[inline]
    pub(crate) fn is_live(&self, index: u32, generation: u32) -> bool {
        self.get(index, generation).is_some()
    }

    /// The tenant of `index`, if it is still that of `generation`.
    #[inline]
    pub(crate) fn get(&self, index: u32, generation: u32) -> Option<&T> {
        let row = self.rows.get(index as usize);
        let row = row.filter(|row| row.generation == generation)?;
        row.tenant.as_ref()
    }

    /// The tenant of `index` and its generation.
    pub(crate) fn named(&mut self, index: u32) -> (u32, &mut T) {
        let row = &mut self.rows[index as usize];
        let tenant = row.tenant.as_mut();
        let tenant = tenant.expect("core looks up live rows only");
        (row.generation, tenant)
    }

    /// The present generation of `index`.
    pub(crate) fn generation(&self, index: u32) -> u32 {
        self.rows[index as usize].generation
    }

    /// Every tenant with its index, lowest index first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..)
            .zip(&self.rows)
            .filter_map(|(index, row)| Some((index, row.tenant.as_ref()?)))
    }
}

impl<T> std::ops::Index<u32> for Table<T> {
    type Output = T;

    #[inline]
    fn index(&self, index: u32) -> &T {
        let tenant = self.rows[index as usize].tenant.as_ref();
        tenant.expect("core looks up live rows only")
    }
}

impl<T> std::ops::IndexMut<u32> for Table<T> {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut T {
        let tenant = self.rows[index as usize].tenant.as_mut();
        tenant.expect("core looks up live rows only")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_rows_name_stays_stale_under_its_next_tenant() {
        let mut table = Table::default();
        let (index, old) = table.vacancy();
        table.fill(index, 'a');
        assert_eq!(table.remove(index, |it| it), (old, 'a'));
        assert!(!table.is_live(index, old));
        let (again, new) = table.vacancy();
        table.fill(again, 'b');
        assert_eq!(again, index);
        assert!(table.is_live(index, new) && !table.is_live(index, old));
    }
}
