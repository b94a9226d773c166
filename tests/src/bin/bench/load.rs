//! What is sent: the work that peers were measured at.

use upto_wire::{Kind, Report};

/// Lower-case the name, strip the domain, drop canary hosts.
pub const FUNCTION: &str = r#"
function transform(report)
  if report.host:find("^canary%-") then return nil end
  report.name = report.name:lower()
  report.host = report.host:gsub("%.example%.com$", "")
  return report
end
"#;

/// Of so many contexts, steps on 20 hosts each, of which one is a canary.
#[derive(Clone, Copy)]
pub struct Load {
    pub contexts: usize,
    /// Added to the number of each step: two loads with distant ones have no event in common.
    pub first_step: usize,
}

/// Between the start and the end of a step are the starts and ends of so many others.
const GAP: usize = 100;

impl Load {
    /// Starts and ends, some `count` of them: whole rounds of all contexts and hosts, so that one in 20 is of a canary.
    pub fn reports(self, count: usize) -> impl Iterator<Item = Report<'static>> {
        let round = self.contexts * 20;
        let pairs = (count / 2 / round).max(1) * round;
        (0..pairs + GAP).flat_map(move |index| {
            let start = (index < pairs).then(|| self.report(Kind::Start, index));
            let end = index.checked_sub(GAP).map(|index| self.report(Kind::End, index));
            [start, end].into_iter().flatten()
        })
    }

    fn report(self, kind: Kind, index: usize) -> Report<'static> {
        let (context, host) = (index % self.contexts, index / self.contexts % 20);
        let step = self.first_step + index / self.contexts / 20;
        let mut report = Report::new(kind, format!("deploy-{context}"), format!("Deploy.Step-{step}.Install"));
        report.host = match host {
            0 => "canary-1.example.com".into(),
            host => format!("web-{host}.example.com").into(),
        };
        report
    }
}
